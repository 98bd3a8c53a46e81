"""One engine for all streams: turns batches into RECORD and STATE messages, in an order that survives a kill.

A record is written before the bookmark that covers it, and only the end of a batch moves the bookmark. Methods of
singer-sdk 0.54 with a private name that are overridden here, each with a test: `_increment_stream_state`,
`_write_starting_replication_value`, `_process_record`, `_write_record_message`, `_generate_record_messages`,
`_sync_records`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol, cast

from singer_sdk import Stream, Tap
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.metrics import Counter
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL, Catalog, MetadataMapping

from stripe_flow.api.errors import Misconfigured, StripeFlowError
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.failures import StreamMisconfigured
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, Record
from tap_stripe_flow.progress import Progress
from tap_stripe_flow.reading import Log, Reading
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.selection import DELETED, Selection, include, is_unchanged, select
from tap_stripe_flow.source import Source
from tap_stripe_flow.state_output import Partition, StateManager, StateOutput
from tap_stripe_flow.streams import StreamSpec
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED


class StripeTap(Protocol):
    """The attributes of the tap that a stream uses."""

    run: Run
    interruption: Interruption
    message_writer: LineWriter
    state_output: StateOutput


class Engine(Stream):
    """The SDK's Stream for one entry of `STREAMS`; the SDK calls `get_records` once per account."""

    # Records are Stripe's JSON unchanged: conforming would drop fields that the schema does not know yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    STATE_MSG_FREQUENCY = sys.maxsize

    def __init__(self, tap: Tap, spec: StreamSpec) -> None:
        self.source = Source(spec, tap.config)
        self.selected_by_default = self.source.is_selected_by_default
        schema = spec.schema(self.source.expand, with_account=self.source.has_account_member)
        super().__init__(tap, schema=schema, name=spec.name)
        self._read_at = 0  # Stripe's time of the record that is being written
        self._unwritten: Exception | None = None  # why the records of the last batch were not all written
        self._set_keys()

    def _set_keys(self) -> None:
        spec = self.source.spec
        self.primary_keys = spec.key(with_account=self.source.has_account_member)
        self.replication_key = spec.stamp if self.source.is_incremental and spec.child_of is None else None

    @property
    def replication_method(self) -> str:
        """INCREMENTAL also for child streams, which have no replication key but their parents' bookmark."""
        if self.source.is_incremental and self.forced_replication_method is None:
            return REPLICATION_INCREMENTAL
        return super().replication_method

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's metadata, with the members that no catalog can deselect."""
        return include(super().metadata, self._always)

    @property
    def _always(self) -> tuple[str, ...]:
        """The members that records have whatever the catalog deselects: keys, the stamp and `deleted`."""
        return (*self.primary_keys, *([self.replication_key] if self.replication_key else ()), DELETED)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply the catalog's selection, but not its keys."""
        super().apply_catalog(catalog)
        self._set_keys()
        entry = catalog.get_stream(self.name)
        if entry is not None:
            entry.metadata = self.metadata  # the SDK writes SCHEMA messages from the catalog's entry
            entry.key_properties = self.primary_keys

    @property
    def selected_schema(self) -> dict[str, Any]:  # Any: JSON schema
        """The schema of the catalog without what it deselects."""
        return get_selected_schema(self.name, self.effective_schema, self.mask)

    @cached_property
    def selection(self) -> Selection | None:
        """What the catalog selects of each record; None: all of it."""
        return select(self.effective_schema, self.mask, self._always)

    @property
    def _stripe(self) -> StripeTap:
        return cast("StripeTap", self._tap)

    @property
    def _run(self) -> Run:
        return self._stripe.run  # made when it is first used: discovery works without settings

    @cached_property
    def accounts(self) -> Mapping[str | None, Account]:
        """The accounts to read, by the id in records; the id is None if the settings name no accounts."""
        return {account.id: account for account in self.source.accounts(self._run)}

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One partition per account of the settings, None without accounts; those of an old state are ignored."""
        return [{ACCOUNT_MEMBER: account} for account in self.accounts if account is not None] or None

    @cached_property
    def state_manager(self) -> StateManager:
        """The SDK's access to this stream's part of the state."""
        return StateManager(self._stripe.state_output, self.name)

    def check(self) -> None:
        """Raise StreamMisconfigured if the selected stream cannot be read under these settings and this catalog."""
        self.source.check()
        is_full_table = self.forced_replication_method == REPLICATION_FULL_TABLE and self.source.is_incremental
        if is_full_table and self._run.span.start is None:
            raise StreamMisconfigured(
                f"the catalog sets the stream {self.name} to FULL_TABLE, and setting start_date is `now`: no run would "
                "read anything. Set start_date to a date, or the stream to INCREMENTAL"
            )

    def label(self, account: Account) -> str:
        """The name of this stream and account in messages: `stream charges of account acct_…`."""
        return f"stream {self.name}" + (f" of account {account.id}" if account.id else "")

    def get_records(self, context: Mapping[str, Any] | None) -> Iterator[Sequence[Record]]:  # type: ignore[override]
        """The records of one account, oldest first, a whole batch at a time; its state is written after the batch.

        The SDK takes each batch for one record: its own steps per record cost more than writing the record.
        What fails here fails only this account, unless it is about the whole run. The others are read.
        """
        account = self.accounts[context[ACCOUNT_MEMBER] if context else None]
        partition, output = Partition(self.name, account.id), self._stripe.state_output
        what, before = self.label(account), output.members(partition)
        progress, self._unwritten = self._run.begin(self.name, account.id, before.get(LISTED.end)), None
        with self._run.isolated(what, lambda: output.members(partition) != before):
            for batch in self._stripe.interruption.allowed_between(self._batches(account, partition, progress)):
                if batch.records:
                    output.before_records(partition, batch)
                    yield batch.records
                    if self._unwritten is not None:
                        raise self._unwritten
                self._end_batch(batch, partition, progress)

    def _batches(self, account: Account, partition: Partition, progress: Progress) -> Iterator[Batch]:
        what, output, spec = self.label(account), self._stripe.state_output, self.source.spec
        # FULL_TABLE in the catalog: the whole range is read again, and the bookmark starts over.
        start_state = {} if self.forced_replication_method == REPLICATION_FULL_TABLE else output.members(partition)
        log = Log(
            warn=lambda message: self.logger.warning("%s: %s", what, message),
            missing=lambda error: self._run.note_missing(what, progress, error),
            refused=lambda *refused: self._run.note_refused(what, progress, *refused, is_parent=bool(spec.child_of)),
        )
        reading = Reading(self._run.client.scoped(account.stripe_account), account, start_state, log)
        return self.source.batches(self._run, reading)

    def _end_batch(self, batch: Batch, partition: Partition, progress: Progress) -> None:
        self._run.note_progress()
        if batch.window is not None:
            fields = (self.name, progress.account or "", batch.window.start, batch.window.end, len(batch.records))
            self.logger.debug("window stream=%s account=%s start=%d end=%d records=%d", *fields)
        progress.add_batch(batch)
        self._stripe.state_output.commit(partition, batch)

    @cached_property
    def is_verbatim(self) -> bool:
        """Whether records are written as Stripe's bytes: nothing is mapped, flattened, renamed or deselected."""
        return self.selection is None and is_unchanged(self.stream_maps, self.name)

    def get_record_counter(self, **options: Any) -> Counter:  # Any: the SDK's arguments, passed through
        """The SDK's counter, kept so that the records of a batch can be counted."""
        self._counter = super().get_record_counter(**options)
        return self._counter

    def _write_record_message(self, records: Any) -> None:  # Any: the records of a batch, in place of the SDK's record
        """Write a batch as Stripe's bytes, or parse each record for the SDK's stream maps, flattening and selection."""
        self._counter.increment(len(records) - 1)  # the SDK counts the batch as one record
        writer = self._stripe.message_writer
        with self._run.flushed(writer):
            if self.is_verbatim:
                writer.write_records(self.name, ((each.raw, _iso(each.read_at)) for each in records))
                return
            try:
                for record in records:
                    self._read_at = record.read_at
                    whole = record.as_record()
                    super()._write_record_message(self.selection.keep(whole) if self.selection else whole)
            except Exception as error:  # noqa: BLE001  # `get_records` raises it: here it would end all accounts
                self._unwritten = error

    def _generate_record_messages(self, record: dict[str, Any]) -> Generator[RecordMessage, None, None]:
        """Apply the stream maps. Raises Misconfigured without an expression's own error, which may quote the record."""
        read_at = datetime.fromtimestamp(self._read_at, UTC)
        try:
            for stream_map in self.stream_maps:
                if (mapped := stream_map.transform(record)) is not None:
                    yield RecordMessage(stream=stream_map.stream_alias, record=mapped, time_extracted=read_at)
        except Exception as error:  # the user's expression may raise anything
            if not self.config.get("stream_maps"):
                raise
            raise Misconfigured(
                f"setting stream_maps fails on {record.get('object')} {record.get('id')} of the stream {self.name} "
                f"({type(error).__name__}): fix the expression; nothing after this window was read"
            ) from None

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """Sync all accounts. An error that is not about this stream alone ends the run with SystemExit."""
        try:
            with self._run.isolated(f"stream {self.name}"):
                yield from super()._sync_records(context, write_messages=write_messages)
        except StripeFlowError as error:
            self._run.end(error)
            self._run.stop(error)

    def _process_record(self, record: Any, child_context: Any = None, partition_context: Any = None) -> None:
        """Do nothing: records have their account already, and the SDK's child streams are not used."""

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Do nothing: no record moves the bookmark, only the end of a batch does."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Do nothing: only the end of a batch writes into the state."""

    def get_batch_config(self, config: Mapping[str, Any]) -> None:  # noqa: ARG002  # the SDK's signature
        return None

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002  # the SDK's signature
        return None


@lru_cache(maxsize=64)
def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()
