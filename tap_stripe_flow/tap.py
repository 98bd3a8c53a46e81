"""The tap: settings in, streams out, and how a run ends."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import FrameType
from typing import Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from stripe_flow.api.errors import StripeError
from stripe_flow.singer.command import PluginCommand, accept_missing_paths
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import RunLog
from stripe_flow.singer.writer import LineWriter, write_whole
from tap_stripe_flow.inputs import read_catalog, read_state
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA
from tap_stripe_flow.source import check_expand
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS


class TapStripeFlow(PluginCommand, Tap):
    """Reads what is new in Stripe: charges and refunds, each once, with nothing lost and nothing late."""

    name = "tap-stripe-flow"
    package_name = "stripe-flow"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_writer_class = LineWriter
    meltano_variables = "MELTANO_EXTRACTOR"
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
        self.interruption = Interruption()  # before the SDK installs its signal handlers
        super().__init__(*args, **kwargs)

    @cached_property
    def run(self) -> Run:
        return Run(self.config, self.logger)

    def discover_streams(self) -> Sequence[Engine]:
        """A run with a catalog has them all: the catalog says which."""
        streams = [Engine(self, spec) for spec in STREAMS]
        if self.input_catalog is not None or not self.config.get("discover_permitted_only"):
            return streams
        run = self.run
        permitted = run.prefetch.in_order(functools.partial(stream.source.is_permitted, run) for stream in streams)
        return [stream for stream, is_permitted in zip(streams, permitted, strict=True) if is_permitted]

    def setup_mapper(self) -> None:
        """The SDK maps by the catalog, so the streams must have put that right before."""
        _ = self.streams
        super().setup_mapper()

    def check_settings(self) -> None:
        """Raises Misconfigured for what only shows once streams are selected, StripeError if an account has no id."""
        check_expand(self.config)
        for stream in self._selected():
            stream.check()
            self.logger.debug("stream %s: %d accounts", stream.name, len(stream.accounts))

    def check_streams(self) -> None:
        """Ask Stripe for one object of every selected stream and account, and say of each how it went."""
        for what, error in self.interruption.allowed_between(self._checks()):
            if error is not None:
                self.run.fail(what, error)
                continue
            self.run.progressed()
            self.logger.info("%s: Stripe answers, and the key may read it", what)

    def _checks(self) -> Iterator[tuple[str, StripeError | None]]:
        for stream in self._selected():
            for account in stream.accounts.values():
                try:
                    stream.source.ask(self.run, account)
                except StripeError as error:
                    yield stream.of(account), error
                else:
                    yield stream.of(account), None

    def now(self) -> Fields:
        """Where the run is, until a signal comes: a second one may end it at any moment, and leaves no live line."""
        return {} if self.interruption.has_come else self.run.now()

    def parts(self) -> Iterator[tuple[str, str | None]]:
        """What is to be read: streams, and of each the accounts."""
        for stream in self._selected():
            for account in stream.accounts.values():
                yield stream.name, account.id

    def leave_deselected(self) -> None:
        """Say what is read. Of what is not, the SDK would log a line for each stream, on every run."""
        selected = {stream.name: stream for stream in self._selected()}
        for name in self.streams.keys() - selected:
            del self.streams[name]
        if selected:
            self.logger.info("reading the streams %s", ", ".join(selected))
        else:
            self.logger.warning("no stream is selected, so nothing is read: select some in the catalog (or `select`)")

    def _selected(self) -> list[Engine]:
        return [cast("Engine", stream) for stream in self.streams.values() if stream.selected]

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        self.interruption.signalled(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, but `--test` knows the catalog and reports every stream."""
        command = super().get_singer_command()
        accept_missing_paths(command, "state", "catalog")
        for parameter in command.params:
            if parameter.name == "test":
                parameter.callback, parameter.expose_value = None, True
        return command

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: ARG003, FBT001  # the SDK's signature
        """Discover, and exit as a run does."""
        if value:
            config = ctx.params.get("config", _ConfigInput())
            cls.log_address(config)
            ctx.exit(cls.run_to_exit_code(lambda: cls._discover(config)))

    @classmethod
    def _discover(cls, config: _ConfigInput) -> int:
        tap = cls(
            config=config.config,
            parse_env_config=config.parse_env,
            validate_config=cls.dynamic_catalog,
            setup_mapper=False,
        )
        write_whole(bytearray(f"{tap.catalog_json_text}\n".encode()))
        return 0

    @classmethod
    def execute(
        cls,
        *,
        config: _ConfigInput,
        test: str = CliTestOptionValue.Disabled.value,
        state: str | None = None,
        catalog: str | None = None,
    ) -> int:
        """Read, or check with `--test`; the exit code."""
        tap = cls(
            config=config.config,
            parse_env_config=config.parse_env,
            state=read_state(state),
            catalog=read_catalog(catalog),
        )
        run = tap.run  # a wrong setting is said before anything is written
        with tap.interruption.allowed():
            tap.check_settings()
        if test == CliTestOptionValue.Schema.value:
            tap.write_schemas()
        elif test != CliTestOptionValue.Disabled.value:
            tap.check_streams()
        else:
            tap.leave_deselected()
            with RunLog(tap.logger, tap.now) as run_log:
                try:
                    tap.sync_all()
                finally:
                    run_log.log_summary(run.sums(tap.parts()))
        return run.exit_code()
