"""The target: messages in, Stripe objects out, and how a run ends.

Private names of singer-sdk 0.54 that are overridden here, each with a test: the `_process_…_message` methods, since
the SDK drops null records in silence and prints a STATE that is ahead of the records, and `_handle_termination`.
"""

from __future__ import annotations

import os
from functools import cached_property
from types import FrameType
from typing import IO, Any, ClassVar

from singer_sdk import Sink, Target
from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.plugin_base import PluginBase, _ConfigInput

from stripe_flow.singer.command import PluginCommand
from target_stripe_flow.actions import ACTIONS
from target_stripe_flow.reader import MessageReader
from target_stripe_flow.run import Run
from target_stripe_flow.settings import CONFIG_JSONSCHEMA
from target_stripe_flow.sink import ActionSink, ConnectionCheckSink

Message = dict[str, Any]  # Any: JSON of the input

SINKS: dict[str, type[Sink]] = {**dict.fromkeys(ACTIONS, ActionSink), "meltano_test_stream": ConnectionCheckSink}


class TargetStripeFlow(PluginCommand, Target):
    """Turns rows of a warehouse into Stripe customers, products and charges, each once."""

    name = "target-stripe-flow"
    package_name = "stripe-flow"
    config_jsonschema = CONFIG_JSONSCHEMA
    message_reader_class = MessageReader
    message_reader: MessageReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the SDK's arguments, passed through
        self._stop_signal = 0
        super().__init__(*args, **kwargs)
        self.message_reader.on_wake = self._look_up
        self.message_reader.on_tick = self._tick

    @cached_property
    def run(self) -> Run:
        return Run(self.config, self.message_reader)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        if stream_name not in SINKS:
            near = next(iter(ACTIONS))
            self.message_reader.refuse(
                f"is of the stream {stream_name!r}, which no action takes: there are {', '.join(ACTIONS)}. If its "
                f'records are {near}, set stream_maps to {{"{stream_name}": {{"__alias__": "{near}"}}}}'
            )
        return SINKS[stream_name]

    def _process_schema_message(self, message_dict: Message) -> None:
        if not isinstance(message_dict.get("stream"), str) or not isinstance(message_dict.get("schema"), dict):
            self.message_reader.refuse("is a SCHEMA without a stream or a schema")
        message_dict["schema"].setdefault("properties", {})
        super()._process_schema_message(message_dict)

    def _process_record_message(self, message_dict: Message) -> None:
        stream, record = message_dict.get("stream"), message_dict.get("record")
        if stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(stream)
        if record is None:
            self.run.accounts.ignore()
            return
        if not isinstance(record, dict):
            self.message_reader.refuse("is a RECORD whose record is no JSON object")
        if all(stream_map.transform(dict(record)) is None for stream_map in self.mapper.stream_maps[stream]):
            self.run.accounts.ignore()  # filtered by a stream map
            return
        super()._process_record_message(message_dict)

    def _process_state_message(self, message_dict: Message) -> None:
        value = message_dict.get("value")
        if not isinstance(value, dict):
            self.message_reader.refuse("is a STATE without a value")
        if value:
            self.run.dispatcher.state(value)

    def _process_batch_message(self, message_dict: Message) -> None:  # noqa: ARG002  # the SDK's signature
        self.message_reader.refuse(
            "is a BATCH message, which this target does not take: turn off batch_config in the tap"
        )

    def _process_activate_version_message(self, message_dict: Message) -> None:
        """Nothing: Stripe has no versions of a table."""

    def process_endofpipe(self) -> None:
        self.run.dispatcher.flush()

    def _look_up(self) -> None:
        """Between two lines: has a signal come, or has a worker met a fatal error?"""
        if self._stop_signal:
            self.run.dispatcher.stop()
            self.logger.info("stopping: what is in flight is finished, nothing more is begun")
            raise SystemExit(128 + self._stop_signal)
        self.run.dispatcher.raise_fatal()

    def _tick(self) -> None:
        self.run.dispatcher.tick()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's
        """Stop reading; what is in flight is finished. A second signal ends it at once."""
        if self._stop_signal:
            os._exit(128 + signum)
        self._stop_signal = signum
        self.message_reader.wake()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: Message) -> None:
        """Without the SDK's settings for load methods, batches and metadata columns, which have no meaning here."""
        PluginBase.append_builtin_config.__func__(cls, config_jsonschema)  # type: ignore[attr-defined]  # a classmethod

    @classmethod
    def execute(cls, *, config: _ConfigInput, file_input: IO[str] | None = None) -> int:
        """Do what the input says; the exit code. The sums are printed however it ends."""
        target = cls(config=config.config, parse_env_config=config.parse_env)
        run = target.run
        target.logger.info(
            "acting for account %s in %s mode, source_name %s", run.scope.account, run.scope.mode, run.scope.source_name
        )
        try:
            target.listen(file_input)
        except RecordsWithoutSchemaException as error:
            target.message_reader.refuse(f"is a record of the stream {error.args[0]!r} before its SCHEMA")
        finally:
            run.dispatcher.close()
            target.logger.info("%s", run.accounts.summary())
        return run.accounts.exit_code()
