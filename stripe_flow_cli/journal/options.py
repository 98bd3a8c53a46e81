"""The options that all journal commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click
from typing_extensions import override

from stripe_flow_cli.errors import print_errors
from stripe_flow_cli.journal.context import open_context

Command = Callable[..., None]


class _Name(click.ParamType):  # type: ignore[type-arg]  # generic for mypy only
    """A name of the user's, read as UTF-8 whatever the locale: a source key decides what is settled or forgotten."""

    name = "text"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # Any: click's
        try:
            return os.fsencode(value).decode()
        except UnicodeError:  # typed in a terminal of the locale
            return str(value)


NAME = _Name()
_OPTIONS = (
    click.option(
        "--config", multiple=True, metavar="FILE|ENV", help="The target's settings, as the target takes them."
    ),
    click.option("--source-name", type=NAME, help="Default: every source_name."),
    click.option("--account", type=NAME, help="Default: the account of the settings, else all in the journal."),
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
        of_group: tuple[str, ...] = click.get_current_context().obj or ()
        with print_errors():
            command(open_context((*of_group, *config), source_name, account, mode, **output), **more)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), run)


def with_key(command: Command) -> Command:
    """Add the argument KEY."""
    return click.argument("key", type=NAME)(command)
