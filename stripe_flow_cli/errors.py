"""The edge of each command: it loads its plugin's settings and prints errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from singer_sdk.plugin_base import PluginBase

from stripe_flow.api import redaction
from stripe_flow.api.commands import complete_commands
from stripe_flow.api.errors import StripeFlowError

P = TypeVar("P", bound=PluginBase)


def say(text: str) -> None:
    """Print a line to standard error: no secret in it, and its commands as one can copy them."""
    click.echo(redaction.redact(complete_commands(text)), err=True)


@contextmanager
def print_errors() -> Iterator[None]:
    """Print a StripeFlowError as one line without a traceback, then exit with the error's code."""
    redaction.install()
    try:
        yield
    except StripeFlowError as error:
        say(f"Error: {error}")
        raise SystemExit(error.exit_code) from None


def load_plugin(plugin: type[P], config: tuple[str, ...], **options: Any) -> P:  # Any: options of each plugin
    """The plugin with the settings of `--config`, read as the plugin's own command reads them.

    Raises Misconfigured or click.ClickException for settings that the plugin refuses.
    """
    parsed = plugin.cb_config(click.Context(click.Command("stripe-flow")), click.Option(["--config"]), config)
    return plugin(config=parsed.config, parse_env_config=parsed.parse_env, **options)
