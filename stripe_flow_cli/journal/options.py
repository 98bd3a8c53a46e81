"""The options that all journal commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from stripe_flow_cli.errors import print_errors
from stripe_flow_cli.journal.context import open_context

Command = Callable[..., None]
_OPTIONS = (
    click.option(
        "--config", multiple=True, metavar="FILE|ENV", help="The target's settings, as the target takes them."
    ),
    click.option("--source-name", help="Default: every source_name; for a KEY to change, those of the settings."),
    click.option("--account", help="Default: the account of the settings, else all accounts in the journal."),
    click.option("--mode", type=click.Choice(["test", "live"]), help="Default: the mode of the API key, else both."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line."),
    click.option("--show-keys", is_flag=True, help="Show source keys unmasked: they may be names or addresses."),
)


def with_context(command: Command) -> Command:
    """Add the shared options; the command's first argument is then a JournalContext. Errors print as one line."""

    @functools.wraps(command)
    def run(
        config: tuple[str, ...],
        source_name: str | None,
        account: str | None,
        mode: str | None,
        **more: Any,  # Any: the options of each command
    ) -> None:
        output = {name: more.pop(name) for name in ("as_json", "show_keys")}
        with print_errors():
            command(open_context(config, source_name, account, mode, **output), **more)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), run)


def with_key(command: Command) -> Command:
    """Add the argument KEY."""
    return click.argument("key")(command)
