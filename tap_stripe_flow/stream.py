"""The SDK's stream for one entry of `STREAMS`: its schema, keys and selection, and its RECORD messages.

A run reads with `readers` and not with the SDK's `sync`, which knows one stream and account at a time. Methods of
singer-sdk 0.54 with a private name that are used or overridden here, each with a test: `_write_schema_message`,
`_write_record_message`, `_generate_record_messages`, `_sync_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol, cast

from singer_sdk import Stream, Tap
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL, Catalog, MetadataMapping

from stripe_flow.api.errors import Misconfigured
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.failures import StreamMisconfigured
from tap_stripe_flow.listing.record import Record
from tap_stripe_flow.run import Run
from tap_stripe_flow.selection import DELETED, Selection, include, is_unchanged, select
from tap_stripe_flow.source import Source
from tap_stripe_flow.state_output import StateOutput
from tap_stripe_flow.stream_reader import Output, StreamReader
from tap_stripe_flow.streams import StreamSpec
from tap_stripe_flow.windows.batch import Batch


class StripeTap(Protocol):
    """The attributes of the tap that a stream uses."""

    run: Run
    read: Callable[[Sequence[Engine]], None]
    message_writer: LineWriter
    state_output: StateOutput


class Engine(Stream):
    """The SDK's Stream for one entry of `STREAMS`; its records come from `readers`."""

    # Records are Stripe's JSON unchanged: conforming would drop fields that the schema does not know yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, spec: StreamSpec) -> None:
        self.source = Source(spec, tap.config)
        self.selected_by_default = self.source.is_selected_by_default
        schema = spec.schema(self.source.expand, with_account=self.source.has_account_member)
        super().__init__(tap, schema=schema, name=spec.name)
        self._read_at = 0  # Stripe's time of the record that is being written
        self._reading = 0  # readers that have not ended
        self._metrics = ExitStack()
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

    def check(self) -> None:
        """Raise StreamMisconfigured if the selected stream cannot be read under these settings and this catalog."""
        self.source.check()
        is_full_table = self.forced_replication_method == REPLICATION_FULL_TABLE and self.source.is_incremental
        if is_full_table and self._run.span.start is None:
            raise StreamMisconfigured(
                f"the catalog sets the stream {self.name} to FULL_TABLE, and setting start_date is `now`: no run would "
                "read anything. Set start_date to a date, or the stream to INCREMENTAL"
            )

    def readers(self) -> list[StreamReader]:
        """A reader for each account."""
        stripe = self._stripe
        output = Output(
            logger=self.logger,
            writer=stripe.message_writer,
            state=stripe.state_output,
            write_records=self._write_records,
            ended=self._end_reader,
        )
        is_full_refresh = self.forced_replication_method == REPLICATION_FULL_TABLE
        self._reading = len(self.accounts)
        return [
            StreamReader(self._run, self.source, account, output, is_full_refresh=is_full_refresh)
            for account in self.accounts.values()
        ]

    def begin(self) -> ExitStack:
        """Write the SCHEMA message, and begin the SDK's metrics, which end with the last reader.

        Returns the metrics, for a run that ends earlier.
        """
        self._write_schema_message()
        self._counter = self._metrics.enter_context(self.get_record_counter())
        self._metrics.enter_context(self.get_sync_timer())
        return self._metrics

    def _end_reader(self) -> None:
        self._reading -= 1
        if not self._reading:
            self._metrics.close()

    def get_records(self, context: Any) -> Iterator[dict[str, Any]]:  # noqa: ARG002  # the SDK's signature
        """The records of all accounts, for programs that write them in their own way."""
        for reader in self.readers():
            batches = (each for each in reader.batches() if isinstance(each, Batch))
            yield from (record.as_record() for batch in batches for record in batch.records)

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Iterator[Any]:  # type: ignore[override]  # noqa: ARG002  # the SDK's signature
        """Read this stream alone, as a run does: for the SDK's `sync` of one stream."""
        self._stripe.read([self])
        return iter(())

    @cached_property
    def is_verbatim(self) -> bool:
        """Whether records are written as Stripe's bytes: nothing is mapped, flattened, renamed or deselected."""
        return self.selection is None and is_unchanged(self.stream_maps, self.name)

    def _write_records(self, records: Sequence[Record]) -> None:
        """Write RECORD messages: Stripe's bytes, or what stream maps, flattening and selection make of each record."""
        self._counter.increment(len(records))
        if self.is_verbatim:
            self._stripe.message_writer.write_records(self.name, ((each.raw, _iso(each.read_at)) for each in records))
            return
        for record in records:
            self._read_at = record.read_at
            whole = record.as_record()
            self._write_record_message(self.selection.keep(whole) if self.selection else whole)

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


@lru_cache(maxsize=64)
def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()
