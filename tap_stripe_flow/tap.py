"""The tap: settings in, streams out, and how a run ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from types import FrameType
from typing import IO, Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from stripe_flow.api.errors import Misconfigured, StripeError
from stripe_flow.singer.command import PluginCommand
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.engine import Engine
from tap_stripe_flow.run import Run
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA
from tap_stripe_flow.streams import STREAMS


class TapStripeFlow(PluginCommand, Tap):
    """Reads what is new in Stripe: charges and refunds, each once, with nothing lost and nothing late."""

    name = "tap-stripe-flow"
    package_name = "stripe-flow"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_writer_class = LineWriter
    # Without `batch`: the SDK would write our STATE before the batch that holds its records.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @cached_property
    def run(self) -> Run:
        return Run(self.config, self.logger)

    def discover_streams(self) -> Sequence[Engine]:
        return [Engine(self, spec) for spec in STREAMS]

    def check_streams(self) -> None:
        """Ask Stripe for one object of every selected stream and say of each how it went."""
        for stream in self.streams.values():
            if not stream.selected:
                continue
            try:
                cast("Engine", stream).check()
            except StripeError as error:
                self.run.fail(stream.name, error)
            else:
                self.run.progressed()
                self.logger.info("stream %s: Stripe answers, and the key may read it", stream.name)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        self.run.signalled(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, but `--test` knows the catalog and reports every stream."""
        command = super().get_singer_command()
        for parameter in command.params:
            if parameter.name == "test":
                parameter.callback, parameter.expose_value = None, True
        return command

    @classmethod
    def execute(
        cls,
        *,
        config: _ConfigInput,
        test: str = CliTestOptionValue.Disabled.value,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> int:
        """Read, or check with `--test`; the exit code."""
        tap = cls(
            config=config.config,
            parse_env_config=config.parse_env,
            state=_json_object(state, "state"),
            catalog=_json_object(catalog, "catalog"),
        )
        run = tap.run  # a wrong setting is said before anything is written
        if test == CliTestOptionValue.Schema.value:
            tap.write_schemas()
        elif test != CliTestOptionValue.Disabled.value:
            tap.check_streams()
        else:
            tap.sync_all()
        return run.exit_code()


def _json_object(file: IO[str] | None, what: str) -> dict[str, Any] | None:  # Any: JSON
    if file is None:
        return None
    try:
        found = json.loads(file.read())
    except ValueError:
        raise Misconfigured(f"the {what} file {file.name} is not JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise Misconfigured(f"the {what} file {file.name} must hold a JSON object")
    return found
