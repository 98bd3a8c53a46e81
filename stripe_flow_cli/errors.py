"""The edge of a command: its plugin's settings, and what goes wrong said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from singer_sdk.plugin_base import PluginBase

from stripe_flow.api import redaction
from stripe_flow.api.errors import StripeFlowError

P = TypeVar("P", bound=PluginBase)


@contextmanager
def told() -> Iterator[None]:
    """An error of ours is one line and its exit code, never a traceback."""
    redaction.install()
    try:
        yield
    except StripeFlowError as error:
        click.echo(redaction.redact(f"Error: {error}"), err=True)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        raise  # the reader is gone, and click ends quietly
    except OSError as error:
        # Files of ours are told by their own errors, so it is what was printed.
        what = f"standard output takes no more ({(error.strerror or '').lower()}): mend that and run again"
        raise click.ClickException(what) from None


def configured(plugin: type[P], config: tuple[str, ...], **more: Any) -> P:  # Any: what else a plugin takes
    """The plugin that these settings describe, given as it takes them."""
    given = plugin.cb_config(click.Context(click.Command("stripe-flow")), click.Option(["--config"]), config)
    return plugin(config=given.config, parse_env_config=given.parse_env, **more)
