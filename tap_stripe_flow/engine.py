"""One engine for all streams: windows → records → state, in an order that survives a kill at any moment.

A record is out before the bookmark that covers it, and only the end of a window moves the bookmark. Private names of
singer-sdk 0.54 that are overridden here, each with a test: `_increment_stream_state`,
`_write_starting_replication_value`, `_generate_record_messages`, `_write_state_message` (called), `_sync_records`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Protocol, cast

from singer_sdk import Stream, Tap
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from stripe_flow.api.errors import Misconfigured, StripeError, StripeFlowError
from tap_stripe_flow.bookmark import Bookmark
from tap_stripe_flow.reading import Object, Reader
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.streams import StreamSpec

CURSOR = "created"


class StripeTap(Protocol):
    """The tap, as far as a stream needs to know it."""

    run: Run
    interruption: Interruption


class Engine(Stream):
    """A stream of `STREAMS` in the SDK's terms."""

    # Stripe's JSON goes out as it is: conforming would drop fields that the schema does not know yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    STATE_MSG_FREQUENCY = sys.maxsize
    primary_keys = ("id",)

    def __init__(self, tap: Tap, spec: StreamSpec) -> None:
        self.spec = spec
        super().__init__(tap, schema=spec.schema(), name=spec.name)
        self.replication_key = CURSOR

    @property
    def _run(self) -> Run:
        """Made when it is first needed: discovery works without settings."""
        return cast("StripeTap", self._tap).run

    @property
    def _interruption(self) -> Interruption:
        return cast("StripeTap", self._tap).interruption

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[Object]:
        """New objects, oldest first; each window's bookmark is written once its last record is out."""
        state = self.get_context_state(context)
        # A catalog may ask for FULL_TABLE: then all of the range is read again, and the bookmark starts over.
        known = {} if self.forced_replication_method == REPLICATION_FULL_TABLE else state
        bookmark = Bookmark.from_state(known, start=self._run.start, stream=self.name)
        for drained in self._interruption.allowed_between(self._reader(self._run.end).windows(bookmark)):
            yield from drained.new
            self._close(state, drained.bookmark)
            self.logger.debug(
                "window start=%d end=%d records=%d", drained.window.start, drained.window.end, len(drained.new)
            )

    def check(self) -> None:
        """Ask for one object. Raises StripeError."""
        self._reader(None).ask_for_one()

    def _reader(self, end: int | None) -> Reader:
        return Reader(client=self._run.client.scoped(), spec=self.spec, overlap_s=self.config["overlap_s"], end=end)

    def _close(self, state: dict[str, Any], bookmark: Bookmark) -> None:
        state.update({"replication_key": CURSOR} | bookmark.to_state())
        self.state_manager.is_flushed = False  # an empty window wrote no record, and its STATE must still go out
        self._write_state_message()
        self._run.progressed()

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """One stream's failure is its own: the others go on, and the exit code says so."""
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except StripeError as error:
            self._run.fail(self.name, error)
        except StripeFlowError as error:
            self._run.stop(error)

    def _generate_record_messages(self, record: dict[str, Any]) -> Generator[RecordMessage, None, None]:
        """A stream map is a person's own program: where it fails, its error may quote the record."""
        try:
            yield from super()._generate_record_messages(record)
        except Exception as error:  # noqa: BLE001  # whatever a person's expression raises
            raise Misconfigured(
                f"setting stream_maps fails on {record.get('object')} {record.get('id')} of the stream {self.name} "
                f"({type(error).__name__}): mend the expression; nothing after this window was read"
            ) from None

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """No record moves the bookmark."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Only the engine writes into the state."""

    def get_batch_config(self, config: Mapping[str, Any]) -> None:  # noqa: ARG002  # the SDK's signature
        return None

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002  # the SDK's signature
        return None
