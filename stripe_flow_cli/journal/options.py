"""The options that the commands over a journal share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from stripe_flow_cli.errors import told
from stripe_flow_cli.journal.context import open_context

Command = Callable[..., None]


def with_context(command: Command) -> Command:
    """`--config` and whose rows; the command's first argument is then the Books. Errors of ours are one line."""

    @functools.wraps(command)
    def run(
        config: tuple[str, ...],
        source_name: str | None,
        account: str | None,
        mode: str | None,
        **more: Any,  # Any: click's
    ) -> None:
        shown = {name: more.pop(name) for name in ("as_json", "show_keys")}
        with told():
            command(open_context(config, source_name, account, mode, **shown), **more)

    options = (
        click.option(
            "--config", multiple=True, metavar="FILE|ENV", help="The target's settings, as the target takes them."
        ),
        click.option("--source-name", help="Default: that of the settings, else `default`."),
        click.option("--account", help="Default: that of the settings, else all that the journal has."),
        click.option(
            "--mode", type=click.Choice(["test", "live"]), help="Default: that of the settings' key, else both."
        ),
        click.option("--json", "as_json", is_flag=True, help="One JSON object per line."),
        click.option("--show-keys", is_flag=True, help="Source keys as they are: they may be names or addresses."),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), run)


def with_key(command: Command) -> Command:
    """The argument KEY."""
    return click.argument("key")(command)
