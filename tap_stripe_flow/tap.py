"""The tap: its streams, checks and command, and how a run ends."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from types import FrameType
from typing import Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase, _ConfigInput
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue

from stripe_flow.api.errors import Misconfigured, OutputLost
from stripe_flow.api.traffic import Traffic
from stripe_flow.singer.command import PluginCommand, accept_missing_paths
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import RunLog
from stripe_flow.singer.writer import LineWriter, write_whole
from tap_stripe_flow.failures import StreamMisconfigured
from tap_stripe_flow.input_catalog import mark, read_marks
from tap_stripe_flow.input_checks import InputChecks
from tap_stripe_flow.inputs import read_catalog, read_state
from tap_stripe_flow.permission_checks import check_permissions
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA
from tap_stripe_flow.shared_lists import shared_lists
from tap_stripe_flow.source import check_expand
from tap_stripe_flow.state_output import StateOutput
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.sync import sync_streams


class TapStripeFlow(PluginCommand, Tap):
    """Singer tap for Stripe: reads new, changed and deleted objects. Without a catalog it reads charges and refunds."""

    name = "tap-stripe-flow"
    package_name = "stripe-flow"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_writer_class = LineWriter
    meltano_variables = "MELTANO_EXTRACTOR"
    # No BATCH: the SDK would write the STATE before the batch file that holds its records.
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
        self._marks = read_marks(kwargs.get("catalog"))
        super().__init__(*args, **kwargs)
        # The SDK's own StateWriter compares and copies the whole state for each STATE.
        self._state_writer = self.state_output

    @cached_property
    def state_output(self) -> StateOutput:
        """The state of this run, which writes the STATE messages."""
        writer = cast("LineWriter", self.message_writer)
        return StateOutput(self.state, writer, lambda message: self.logger.warning("%s", message))

    @cached_property
    def run(self) -> Run:
        """What the streams of this run share. Raises Misconfigured for invalid settings."""
        return Run(self.config, self.logger)

    def discover_streams(self) -> Sequence[Engine]:
        """All streams; with `discover_permitted_only` and no catalog, those that the key may read."""
        streams = [Engine(self, spec) for spec in STREAMS]
        if self.input_catalog is not None or not self.config.get("discover_permitted_only"):
            return streams
        run = self.run
        jobs = (functools.partial(stream.source.is_permitted, run) for stream in streams)
        with self.interruption.allowed():
            return [stream for stream, may in zip(streams, run.prefetch.in_order(jobs), strict=True) if may]

    @property
    def catalog_dict(self) -> dict[str, Any]:  # Any: JSON
        """The discovered catalog, with our mark of the settings in it."""
        sources = {name: cast("Engine", stream).source for name, stream in self.streams.items()}
        return mark(super().catalog_dict, sources)

    @property
    def input_checks(self) -> InputChecks:
        """The checks of the run's input against the streams that are left."""
        streams = [cast("Engine", stream) for stream in self.streams.values()]
        return InputChecks(streams=streams, config=self.config, warn=self.logger.warning)

    def setup_mapper(self) -> None:
        """Set up stream maps from the catalog, after the streams have set their keys in it.

        Raises Misconfigured for a catalog, stream maps or flattening that do not fit the streams and settings.
        """
        checks = self.input_checks
        if self.input_catalog is not None:
            checks.check_catalog(self.input_catalog, self._marks, os.environ.get(f"{self.meltano_variables}_NAME"))
        checks.check_maps_and_flattening()
        PluginBase.setup_mapper(self)
        # Only for selected streams: the SDK gives the others no members, and a map of one would lack its key.
        selected = {name: self.catalog[name] for name, stream in self.streams.items() if stream.selected}
        self.mapper.register_raw_streams_from_catalog(Catalog(selected))
        checks.check_columns()

    def check_settings(self) -> None:
        """Check the settings, and resolve the accounts of the selected streams. Raises Misconfigured or StripeError."""
        check_expand(self.config)
        for stream in self._selected():
            self.logger.debug("stream %s: %d accounts", stream.name, len(stream.accounts))

    def drop_misconfigured(self) -> None:
        """Note the failure of each selected stream that cannot be read under these settings, and remove it."""
        for stream in self._selected():
            try:
                stream.check()
            except StreamMisconfigured as error:
                self.run.end(self.run.begin(stream.name, None, None, Traffic()), error)
                self.run.fail(f"stream {stream.name}", error)
                del self.streams[stream.name]

    def live_fields(self) -> Fields:
        """The fields of the live line; empty after a signal, since a second one ends the run and would leave it."""
        return {} if self.interruption.is_signalled else self.run.live_fields()

    def selected_accounts(self) -> Iterator[tuple[str, str | None]]:
        """The name of each selected stream with the id of each of its accounts; None: it has no account of its own."""
        return ((stream.name, account_id) for stream in self._selected() for account_id in stream.accounts or [None])

    def check_selection(self) -> None:
        """Raise Misconfigured if no stream is selected: nothing would be read."""
        if not self._selected():
            raise Misconfigured(
                "no stream is selected, so nothing would be read: select one in the catalog, or under Meltano with "
                "`select: [charges.*]`; --discover lists the names of all streams"
            )

    def drop_deselected(self) -> None:
        """Remove streams that are not selected, so that the SDK does not log a line for each; log the others."""
        selected = [stream.name for stream in self._selected()]
        for name in self.streams.keys() - set(selected):
            del self.streams[name]
        accounts = {each for _, each in self.selected_accounts() if each}
        of_accounts = f" of {len(accounts)} accounts" if len(accounts) > 1 else ""
        self.logger.info("reading the streams %s%s", ", ".join(selected), of_accounts)

    def sync_all(self) -> None:  # type: ignore[misc]  # final in the SDK, which reads one stream after the other
        """Read all selected streams. However the run ends, a STATE then has all that was committed."""
        self._reset_state_progress_markers()
        self.state_output.write_state(self.state)
        try:
            self.read(self._selected())
        except OutputLost:
            raise
        except BaseException:
            with suppress(OutputLost):  # why the run ended is the better message
                self.state_output.finish(ended_well=False)
            raise
        self.state_output.finish(ended_well=True)

    def read(self, streams: Sequence[Engine]) -> None:
        """Read these streams side by side, and write what was read and the STATEs that are due."""
        sync_streams(streams, self.run, self.state_output, self.interruption, self.config["streams_at_once"])

    def _selected(self) -> list[Engine]:
        return [cast("Engine", stream) for stream in self.streams.values() if stream.selected]

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        self.interruption.receive(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, with a `--test` that uses the catalog and reports every selected stream."""
        command = super().get_singer_command()
        accept_missing_paths(command, "state", "catalog")
        for parameter in command.params:
            if parameter.name == "test":
                parameter.callback, parameter.expose_value = None, True
        return command

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: ARG003, FBT001  # the SDK's signature
        """Print the catalog, and end with the same exit codes as a run."""
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
        """Sync, or check with `--test`; returns the exit code."""
        tap = cls(
            config=config.config,
            parse_env_config=config.parse_env,
            state=read_state(state),
            catalog=read_catalog(catalog),
        )
        run = tap.run  # raises for wrong settings, before anything is written
        if test != CliTestOptionValue.Schema.value:
            tap.check_selection()
        with tap.interruption.allowed():
            tap.check_settings()
        if test == CliTestOptionValue.Schema.value:
            for stream in tap.streams.values():
                stream.selected = True
            tap.mapper.register_raw_streams_from_catalog(tap.catalog)
            tap.write_schemas()
        elif test != CliTestOptionValue.Disabled.value:
            tap.drop_misconfigured()
            check_permissions(tap._selected(), run, tap.interruption, tap.logger)
        else:
            tap.drop_deselected()
            selected = list(tap.selected_accounts())
            tap.drop_misconfigured()
            run.shared_lists = shared_lists(stream.source for stream in tap._selected())
            tap.input_checks.check_state(tap.state_output)
            tap.state_output.count_ids_in(run.ids)
            with RunLog(tap.logger, tap.live_fields) as run_log:
                try:
                    tap.sync_all()
                finally:
                    run_log.log_summary(run.summary(selected))
        return run.exit_code()
