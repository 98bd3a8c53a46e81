"""The target: reads Singer messages, creates Stripe objects, and ends with an exit code.

Private methods of singer-sdk 0.54 that are overridden here, each with a test: the `_process_…_message` methods, since
the SDK silently drops null records and prints a STATE that is ahead of the records, and `_handle_termination`.
"""

from __future__ import annotations

import os
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import IO, Any, ClassVar, cast

import click
from singer_sdk import Sink, Target
from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.mapper import RemoveRecordTransform, StreamMap
from singer_sdk.plugin_base import PluginBase, _ConfigInput

from stripe_flow.api.errors import AccountTrouble, Misconfigured
from stripe_flow.api.settings import open_connection
from stripe_flow.singer.command import PluginCommand, accept_missing_paths
from stripe_flow.singer.stream_maps import find_unknown_streams
from target_stripe_flow.actions.stream_names import describe_unknown
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.account import describe_new_account
from target_stripe_flow.message_reader import MessageReader
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.tally import TooManyRejects
from target_stripe_flow.run import Run
from target_stripe_flow.settings import CONFIG_JSONSCHEMA, read_source_names
from target_stripe_flow.sinks import ActionSink, ConnectionCheckSink, FeedingSink

Message = dict[str, Any]  # Any: JSON of the input

SINKS: dict[str, type[Sink]] = {**dict.fromkeys(ACTIONS, ActionSink), "meltano_test_stream": ConnectionCheckSink}


class TargetStripeFlow(PluginCommand, Target):
    """Creates Stripe objects from the rows of a warehouse, each once: customers, products, prices, charges, refunds."""

    name = "target-stripe-flow"
    package_name = "stripe-flow"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_reader_class = MessageReader
    message_reader: MessageReader
    meltano_variables = "MELTANO_LOADER"
    checked_later = frozenset({"source_name"})  # by `read_source_names`: the journal commands go without it
    # Without flattening: Stripe's parameters are nested, and it has no parameter `metadata__plan`.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the SDK's arguments, passed through
        self._stop_signal = 0
        self._is_listening = False
        self._origins: dict[str, Origin] = {}
        super().__init__(*args, **kwargs)
        self.message_reader.on_wake = self._check_signals
        self.message_reader.on_tick = self._tick

    @cached_property
    def run(self) -> Run:
        """The run, opened at the first use. Raises what `Run` raises."""
        return Run(self.config, self.message_reader)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        if stream_name not in SINKS:
            self.message_reader.refuse(
                f"is of the stream {stream_name!r}, and there is no such action: there are {', '.join(ACTIONS)}. "
                f"{describe_unknown(stream_name)}"
            )
        return SINKS[stream_name]

    def _process_schema_message(self, message_dict: Message) -> None:
        schema, keys = message_dict.get("schema"), message_dict.get("key_properties")
        if not isinstance(message_dict.get("stream"), str) or not isinstance(schema, dict):
            self.message_reader.refuse("is a SCHEMA without a stream or a schema")
        if not isinstance(schema.setdefault("properties", {}), dict):
            self.message_reader.refuse("is a SCHEMA whose properties are not a JSON object")
        if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
            self.message_reader.refuse("is a SCHEMA whose key_properties are not a list of names")
        stream = message_dict["stream"]
        known = self._origins.get(stream)
        if known is not None and keys and sorted(known.key_properties) != sorted(keys):
            self.message_reader.refuse(
                f"changes the key_properties of the stream {stream} from {', '.join(known.key_properties)} to "
                f"{', '.join(keys)}: the rows would get other identities, and their objects would be created again"
            )
        name = self.run.sources.name_of(stream)
        self._origins[stream] = Origin(
            stream=stream, key_properties=keys or (), source_name=name, schema=deepcopy(schema)
        )
        for key in keys or ():  # the SDK's stream maps refuse a SCHEMA without them
            schema["properties"].setdefault(key, {})
        super()._process_schema_message(message_dict)
        for stream_map in self.mapper.stream_maps[stream]:
            if stream_map.stream_alias in ACTIONS and not isinstance(stream_map, RemoveRecordTransform):
                self._bind_source(stream, stream_map)

    def _bind_source(self, stream: str, stream_map: StreamMap) -> None:
        """Bind the stream to its source. Where that ends the run, the records before it get their status first."""
        sink = cast("ActionSink", self._sinks_active[stream_map.stream_alias])
        try:
            sink.refuse_near_names(self._origins[stream], stream_map)
            self.run.sources.bind(stream, stream_map.stream_alias, stream_map.transformed_key_properties or ())
        except Misconfigured:
            self.run.finish_read()
            raise

    def _process_record_message(self, message_dict: Message) -> None:
        """Apply the stream maps and hand each result to its sink; each ends with exactly one status."""
        stream, record = message_dict.get("stream"), message_dict.get("record")
        if not isinstance(stream, str) or stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(stream)
        if record is None:
            self.run.tally.ignore(stream)
            return
        if not isinstance(record, dict):
            self.message_reader.refuse("is a RECORD whose record is not a JSON object")
        received = Received(origin=self._origins[stream], record=record, line=self.message_reader.line)
        for stream_map in self.mapper.stream_maps[stream]:
            self._feed(stream_map, received)

    def _feed(self, stream_map: StreamMap, received: Received) -> None:
        sink = cast("FeedingSink | None", self._sinks_active.get(stream_map.stream_alias))
        unreadable = self.message_reader.unreadable
        if unreadable is not None and sink is not None:
            sink.reject(received, unreadable.reason, unreadable.field)
            return
        try:
            mapped = stream_map.transform(dict(received.record))
        except Exception as error:  # noqa: BLE001  # a user's expression; its error may quote the record
            if sink is None:
                self.message_reader.refuse(
                    f"is a record on which the setting stream_maps fails ({type(error).__name__})"
                )
            sink.reject(received, f"the setting stream_maps fails on this record ({type(error).__name__})")
            return
        if mapped is None or sink is None:
            self.run.tally.ignore(received.origin.stream)  # filtered, or its stream is mapped to null
            return
        sink._remove_sdc_metadata_from_record(mapped)  # noqa: SLF001  # the SDK adds these columns
        sink.feed(mapped, received)

    def _process_state_message(self, message_dict: Message) -> None:
        value = message_dict.get("value")
        if not isinstance(value, dict):
            self.message_reader.refuse("is a STATE without a value")
        if value:
            self.run.dispatcher.state(value)

    def _process_batch_message(self, message_dict: Message) -> None:  # noqa: ARG002  # the SDK's signature
        self.message_reader.refuse(
            "is a BATCH message, which this target does not support: turn off batch_config in the tap"
        )

    def _process_activate_version_message(self, message_dict: Message) -> None:
        """Ignore the message: Stripe has no versions of a table."""

    def process_endofpipe(self) -> None:
        if self._origins:
            maps, problem = self.config.get("stream_maps"), "and no stream of the input has this name"
            for warning in find_unknown_streams(maps, self._origins, problem):
                self.logger.warning("%s", warning)
        self.run.finish()

    def listen_to(self, path: str | None) -> None:
        """Read the input file, or standard input without one. Raises Misconfigured if the file cannot be opened."""
        self._is_listening = True
        if path is None:
            self.listen(None)
            return
        try:
            file = Path(path).open("rb")  # noqa: SIM115  # the try is for `open` only
        except OSError as error:
            raise Misconfigured(
                f"the input file {path} cannot be read ({error.strerror}): check the path after --input"
            ) from None
        with file:
            self.listen(cast("IO[str]", file))  # the reader reads bytes

    def _check_signals(self) -> None:
        """Between two lines: end the run after a signal, raise the fatal error of a worker."""
        if self._stop_signal:
            self.run.stop()
            self.logger.info("stopping: requests in flight are finished, and no other record is started")
            raise SystemExit(128 + self._stop_signal)
        self.run.dispatcher.raise_fatal()

    def _tick(self) -> None:
        self.run.dispatcher.tick()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        """Stop reading and finish the requests in flight. A second signal ends the process at once."""
        if not self._is_listening:
            raise SystemExit(128 + signum)  # no record was read yet
        if self._stop_signal:
            os._exit(128 + signum)
        self._stop_signal = signum
        self.message_reader.wake()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: Message) -> None:
        """Leave out the SDK's settings for load methods, batches and metadata columns, which have no effect here."""
        PluginBase.append_builtin_config.__func__(cls, config_jsonschema)  # type: ignore[attr-defined]  # a classmethod

    @classmethod
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        accept_missing_paths(command, "file_input")
        return command

    @classmethod
    def execute(cls, *, config: _ConfigInput, file_input: str | None = None) -> int:
        """Run the target and return its exit code. The summary is logged however the run ends."""
        target = cls(config=config.config, parse_env_config=config.parse_env)
        open_connection(target.config)  # a wrong key is reported before a missing source_name
        names = read_source_names(target.config)
        run = target.run
        target.logger.info(
            "account %s in %s mode, source_name %s", run.scope.account, run.scope.mode, ", ".join(names.every)
        )
        with run.resources, run.run_log:
            if warning := describe_new_account(run.scope, run.journal):
                target.logger.warning("%s", warning)
            try:
                target._process_input(file_input)
            except (SystemExit, AccountTrouble, TooManyRejects):
                run.warn_of_unsettled()
                raise
            code = run.exit_code()
        return 128 + target._stop_signal if target._stop_signal else code  # our own class

    def _process_input(self, file_input: str | None) -> None:
        """Reconcile what is open, then read the input."""
        try:
            self.run.reconcile()  # a signal ends it at once; the next run goes on
            self.listen_to(file_input)
        except RecordsWithoutSchemaException as error:
            self.message_reader.refuse(f"is a record of the stream {error.args[0]!r} before its SCHEMA")
        finally:
            self.run.stop()
            self.run.close()
