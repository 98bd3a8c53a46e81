"""One engine for all streams: batches of records → messages and state, in an order that survives a kill at any moment.

A record is out before the bookmark that covers it, and only the end of a batch moves the bookmark. Private names of
singer-sdk 0.54 that are overridden here, each with a test: `_increment_stream_state`,
`_write_starting_replication_value`, `_process_record`, `_write_record_message`, `_generate_record_messages`,
`_write_state_message` (called), `_sync_records`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol, cast

from singer_sdk import Stream, Tap
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import Counter
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL, Catalog

from stripe_flow.api.errors import Misconfigured, StripeError, StripeFlowError
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, Record
from tap_stripe_flow.progress import Progress
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.source import Log, Source
from tap_stripe_flow.streams import StreamSpec
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED, MOST_IDS, UnusableState
from tap_stripe_flow.windows.state import ids_held


class StripeTap(Protocol):
    """The tap, as far as a stream needs to know it."""

    run: Run
    interruption: Interruption
    message_writer: LineWriter


class Engine(Stream):
    """A stream of `STREAMS` in the SDK's terms."""

    # Stripe's JSON goes out as it is: conforming would drop fields that the schema does not know yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    STATE_MSG_FREQUENCY = sys.maxsize

    def __init__(self, tap: Tap, spec: StreamSpec) -> None:
        self.source = Source(spec, tap.config)
        self.selected_by_default = self.source.is_selected_by_default
        schema = spec.schema(self.source.expand, of_accounts=self.source.is_of_accounts)
        super().__init__(tap, schema=schema, name=spec.name)
        self._read_at = 0
        self._set_keys()

    def _set_keys(self) -> None:
        spec = self.source.spec
        self.primary_keys = spec.key(of_accounts=self.source.is_of_accounts)
        self.replication_key = spec.stamp if self.source.is_incremental and spec.child_of is None else None

    @property
    def replication_method(self) -> str:
        """Parts have no time of their own, and yet a bookmark: their parents'."""
        if self.source.is_incremental and self.forced_replication_method is None:
            return REPLICATION_INCREMENTAL
        return super().replication_method

    def apply_catalog(self, catalog: Catalog) -> None:
        """A catalog selects; what identifies a record and how it is read is not its to say."""
        super().apply_catalog(catalog)
        self._set_keys()
        entry = catalog.get_stream(self.name)
        if entry is None:
            return
        properties = entry.schema.properties or {}
        if self.source.is_of_accounts and ACCOUNT_MEMBER not in properties:
            raise Misconfigured(
                f"the catalog was discovered without account_ids, so the stream {self.name} has no {ACCOUNT_MEMBER} in "
                "it: discover again"
            )
        if not self.source.is_of_accounts:
            properties.pop(ACCOUNT_MEMBER, None)
        entry.key_properties = self.primary_keys  # the SDK writes SCHEMA messages by the entry

    @property
    def _stripe(self) -> StripeTap:
        return cast("StripeTap", self._tap)

    @property
    def _run(self) -> Run:
        """Made when it is first needed: discovery works without settings."""
        return self._stripe.run

    @cached_property
    def accounts(self) -> Mapping[str | None, Account]:
        """Whose objects to read, by the id that records tell."""
        return {account.id: account for account in self.source.accounts(self._run)}

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One bookmark per account, where the settings name accounts; never what an old state names."""
        return [{ACCOUNT_MEMBER: account} for account in self.accounts if account is not None] or None

    def check(self) -> None:
        """Raises Misconfigured for a selected stream that could not be read."""
        self.source.check()
        is_whole = self.forced_replication_method == REPLICATION_FULL_TABLE and self.source.is_incremental
        if is_whole and self._run.span.start is None:
            raise Misconfigured(
                f"the catalog asks for all of the stream {self.name} on every run (FULL_TABLE), and setting start_date "
                "is `now`: nothing would ever come. Write a date, or choose INCREMENTAL"
            )

    def of(self, account: Account) -> str:
        """What a message calls one account's part of this stream."""
        return f"stream {self.name}" + (f" of account {account.id}" if account.id else "")

    def get_records(self, context: Mapping[str, Any] | None) -> Iterator[Sequence[Record]]:  # type: ignore[override]
        """Records, oldest first, all of a batch as what the SDK takes for one: its own steps around a record cost more
        than to write it. The state is written once they are out.

        One account's failure is its own, be it Stripe's no or its state: the others go on, and the exit code says so.
        """
        account = self.accounts[context[ACCOUNT_MEMBER] if context else None]
        what, before = self.of(account), _own(self.get_context_state(context))
        progress = self._run.begin(self.name, account.id, before.get(LISTED.end))
        try:
            for batch in self._stripe.interruption.allowed_between(self._batches(account, context, progress)):
                if batch.records:
                    yield batch.records
                self._close(batch, context, progress)
        except (StripeError, UnusableState) as error:
            self._run.end(error)
            self._run.fail(what, error, has_advanced=_own(self.get_context_state(context)) != before)
        else:
            self._run.end()

    def _batches(self, account: Account, context: Mapping[str, Any] | None, progress: Progress) -> Iterator[Batch]:
        what, state = self.of(account), _own(self.get_context_state(context))
        # A catalog may ask for FULL_TABLE: then all of the range is read again, and the bookmark starts over.
        known = {} if self.forced_replication_method == REPLICATION_FULL_TABLE else state
        most_ids = MOST_IDS - ids_held(self.tap_state) + ids_held(state)
        log = Log(
            warn=lambda words: self.logger.warning("%s: %s", what, words),
            missing=lambda error: self._run.miss(what, progress, error),
        )
        return self.source.batches(self._run, account, known, most_ids, log)

    def _close(self, batch: Batch, context: Mapping[str, Any] | None, progress: Progress) -> None:
        self._run.progressed()
        if batch.window is not None:
            about = (self.name, progress.account or "", batch.window.start, batch.window.end, len(batch.records))
            self.logger.debug("window stream=%s account=%s start=%d end=%d records=%d", *about)
        progress.batch(batch)
        if batch.state is None:
            return
        state = self.get_context_state(context)
        for name in _own(state):
            del state[name]
        state.update(batch.state)
        self.state_manager.is_flushed = False
        if batch.records or batch.window is None:
            self._write_state_message()  # that an empty window was read is told with the next one that is not

    @cached_property
    def is_verbatim(self) -> bool:
        """Whether records go out as they came: nothing is mapped, flattened or deselected."""
        maps = self.stream_maps
        return (
            len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
            and maps[0].stream_alias == self.name
            and all(self.mask.values())
        )

    def get_record_counter(self, **given: Any) -> Counter:  # Any: the SDK's arguments, passed through
        """The SDK's, which adds one for a batch."""
        self._counter = super().get_record_counter(**given)
        return self._counter

    def _write_record_message(self, records: Any) -> None:  # Any: those of a batch, of which the SDK knows nothing
        """The one switch between the pages' own bytes and the SDK's path, which parses them."""
        self._counter.increment(len(records) - 1)
        writer = self._stripe.message_writer
        with self._run.written_through(writer):
            if self.is_verbatim:
                writer.write_records(self.name, ((each.raw, _iso(each.read_at)) for each in records))
                self.state_manager.is_flushed = False
                return
            for record in records:
                self._read_at = record.read_at
                super()._write_record_message(record.as_record())

    def _generate_record_messages(self, record: dict[str, Any]) -> Generator[RecordMessage, None, None]:
        """A stream map is a person's own program: where it fails, its error may quote the record."""
        try:
            for message in super()._generate_record_messages(record):
                message.time_extracted = datetime.fromtimestamp(self._read_at, UTC)
                yield message
        except Exception as error:  # noqa: BLE001  # whatever a person's expression raises
            raise Misconfigured(
                f"setting stream_maps fails on {record.get('object')} {record.get('id')} of the stream {self.name} "
                f"({type(error).__name__}): mend the expression; nothing after this window was read"
            ) from None

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """What is not Stripe's word about one account ends the run."""
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except StripeFlowError as error:
            self._run.end(error)
            self._run.stop(error)

    def _process_record(self, record: Any, child_context: Any = None, partition_context: Any = None) -> None:
        """Records have their account already, and streams have no children."""

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """No record moves the bookmark."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Only the engine writes into the state."""

    def get_batch_config(self, config: Mapping[str, Any]) -> None:  # noqa: ARG002  # the SDK's signature
        return None

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002  # the SDK's signature
        return None


def _own(state: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """The memory in the SDK's dictionary of a stream: without whose it is, and without that of other accounts."""
    return {name: value for name, value in state.items() if name not in {"context", "partitions"}}


@lru_cache(maxsize=64)
def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()
