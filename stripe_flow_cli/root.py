"""The command group `stripe-flow`; the package of a command is imported only when the command runs."""

from __future__ import annotations

import importlib
from typing import cast

import click
from typing_extensions import override

from stripe_flow.api.spelling import suggestion
from stripe_flow.singer.standard_streams import print_error, standard_streams

_COMMANDS = {
    "doctor": "stripe_flow_cli.doctor",
    "journal": "stripe_flow_cli.journal.commands",
    "sandbox": "stripe_flow_cli.sandbox",
    "slices": "stripe_flow_cli.slices.command",
}


class _LazyCommands(click.Group):
    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            ctx.fail(
                f"there is no command {args[0]!r}{suggestion(args[0], _COMMANDS)}: choose one of {', '.join(_COMMANDS)}"
            )
        return super().resolve_command(ctx, args)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return cast("click.Command", getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name))


@click.group("stripe-flow", cls=_LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stripe-flow")
def stripe_flow() -> None:
    """Commands for operating stripe-flow: check a connection, inspect the journal, plan slices, run the sandbox."""


def main() -> None:
    """Run the command and exit. A command whose output cannot be written ends with one line and exit code 1."""
    with standard_streams(print_error):
        stripe_flow()
