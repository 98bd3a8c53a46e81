"""The tap: settings in, streams out, and how a run ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import FrameType
from typing import IO, Any, ClassVar, NoReturn, TypeVar, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from stripe_flow.api.client import Client
from stripe_flow.api.errors import (
    AccountTrouble,
    KeyRefused,
    Misconfigured,
    StripeError,
    StripeFlowError,
    StripeUnreachable,
)
from stripe_flow.api.settings import open_client
from stripe_flow.singer.command import PluginCommand
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.engine import Engine
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA, read_range
from tap_stripe_flow.streams import STREAMS

SOME_FAILED = 2

T = TypeVar("T")


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the SDK's arguments, passed through
        self.failures: dict[str, StripeError] = {}
        self.has_progressed = False
        self._is_waiting = False
        self._stop_signal = 0
        super().__init__(*args, **kwargs)

    @cached_property
    def client(self) -> Client:
        return open_client(self.config)

    @cached_property
    def read_range(self) -> tuple[int, int | None]:
        return read_range(self.config)

    def discover_streams(self) -> Sequence[Engine]:
        return [Engine(self, spec) for spec in STREAMS]

    def fail(self, stream: str, error: StripeError) -> None:
        """Note that one stream failed; end the run where no other stream could fare better."""
        if isinstance(error, KeyRefused) or (isinstance(error, StripeUnreachable) and not self.has_progressed):
            self.stop(error)
        self.failures[stream] = error
        self.logger.error("stream %s failed, its state stays as it was: %s", stream, error)

    def stop(self, error: StripeFlowError) -> NoReturn:
        """End the run with one line; as SystemExit, since the SDK would log an Exception a second time."""
        self.logger.error("%s", error)
        raise SystemExit(error.exit_code)

    def exit_code(self) -> int:
        """0, or what the failed streams amount to."""
        if not self.failures:
            return 0
        is_account = all(isinstance(error, AccountTrouble) for error in self.failures.values())
        return AccountTrouble.exit_code if is_account and not self.has_progressed else SOME_FAILED

    def check_streams(self) -> None:
        """Ask Stripe for one object of every selected stream and say of each how it went."""
        for stream in self.streams.values():
            if not stream.selected:
                continue
            try:
                cast("Engine", stream).check()
            except StripeError as error:
                self.fail(stream.name, error)
            else:
                self.has_progressed = True
                self.logger.info("stream %s: Stripe answers, and the key may read it", stream.name)

    def interruptible(self, windows: Iterator[T]) -> Iterator[T]:
        """`windows`, where a signal ends the wait for the next one at once, and otherwise between two of them."""
        while True:
            if self._stop_signal:
                raise SystemExit(128 + self._stop_signal)
            self._is_waiting = True
            try:
                window = next(windows, None)
            finally:
                self._is_waiting = False
            if window is None:
                return
            yield window

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        """Never end inside a line: while records are being written the signal waits; a second one does not."""
        if self._is_waiting:
            raise SystemExit(128 + signum)
        if self._stop_signal:
            os._exit(128 + signum)
        self._stop_signal = signum

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, but `--test` knows the catalog and reports every stream."""
        command = super().get_singer_command()
        for parameter in command.params:
            if parameter.name == "test":
                parameter.callback, parameter.expose_value = None, True
        return command

    @classmethod
    def run(
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
        _ = tap.client, tap.read_range  # a wrong setting is said before anything is written
        if test == CliTestOptionValue.Schema.value:
            tap.write_schemas()
        elif test != CliTestOptionValue.Disabled.value:
            tap.check_streams()
        else:
            tap.sync_all()
        return tap.exit_code()


def _json_object(file: IO[str] | None, what: str) -> Mapping[str, Any] | None:
    if file is None:
        return None
    try:
        found = json.loads(file.read())
    except ValueError:
        raise Misconfigured(f"the {what} file {file.name} is not JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise Misconfigured(f"the {what} file {file.name} must hold a JSON object")
    return found
