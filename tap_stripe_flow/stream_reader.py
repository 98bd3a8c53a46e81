"""One stream of one account: reads it on a thread of its own, and writes what was read on the main thread.

A record is written before the bookmark that covers it, and only the end of a batch moves the bookmark.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from stripe_flow.api.client import Client
from stripe_flow.api.errors import StripeFlowError
from stripe_flow.api.paging import PAGE_LIMIT
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.failures import ENDS_THE_RUN, as_failure
from tap_stripe_flow.listing.record import Record
from tap_stripe_flow.progress import Progress
from tap_stripe_flow.reading import Log, Reading
from tap_stripe_flow.run import Run
from tap_stripe_flow.side_by_side import Expected
from tap_stripe_flow.source import Source
from tap_stripe_flow.state_output import Entry, Partition, StateOutput
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where a reader's batches go.

    - `write_records` writes RECORD messages to `writer`, `state` holds the bookmarks.
    - `ended` is called once the reader has ended.
    """

    logger: logging.Logger
    writer: LineWriter
    state: StateOutput
    write_records: Callable[[Sequence[Record]], None]
    ended: Callable[[], None]


def label(stream: str, account: Account) -> str:
    """The name of a stream and account in messages: `stream charges of account acct_…`."""
    return f"stream {stream}" + (f" of account {account.id}" if account.id else "")


class StreamReader:
    """Reads `source` in `account`. `batches` may run on any thread, everything else runs on the main thread.

    `is_full_refresh`: the whole range is read again, and the bookmark starts over.
    """

    def __init__(self, run: Run, source: Source, account: Account, output: Output, *, is_full_refresh: bool) -> None:
        self.source, self.account = source, account
        self.partition = Partition(source.spec.name, account.id)
        self._run, self._output = run, output
        self._before = output.state.members(self.partition)
        self._is_full_refresh = is_full_refresh

    @property
    def label(self) -> str:
        """The name of this stream and account in messages."""
        return label(self.partition.stream, self.account)

    @property
    def read_until(self) -> object:
        """How far earlier runs have read, in Unix seconds; None: nothing, or no bookmark remembers it."""
        return self._before.get(LISTED.end)

    @property
    def is_by_parent(self) -> bool:
        """Whether the children of each parent need a request of their own."""
        child_of = self.source.spec.child_of
        return child_of is not None and child_of.list_member is None

    @property
    def start_state(self) -> Entry:
        """The members of the bookmark from which the run starts."""
        return {} if self._is_full_refresh else self._before

    @cached_property
    def client(self) -> Client:
        """Counts the requests of this reader, and gives up without the others."""
        return self._run.client.scoped(self.account.stripe_account)

    @cached_property
    def progress(self) -> Progress:
        """The progress, from its first use on."""
        return self._run.begin(self.partition.stream, self.account.id, self.read_until, self.client.traffic)

    def batches(self) -> Iterator[Batch | Expected]:
        """What the reader reads, in order. Raises what reading raises."""
        for batch in self._batches():
            requests_per_object = 1.0 if self.is_by_parent else 1 / PAGE_LIMIT
            yield batch if batch.expected is None else Expected(batch.expected * requests_per_object)

    def _batches(self) -> Iterator[Batch]:
        progress, of_parents = self.progress, self.source.spec.child_of is not None
        log = Log(
            warn=lambda message: self._output.logger.warning("%s: %s", self.label, message),
            missing=lambda error: self._run.note_missing(self.label, progress, error),
            refused=lambda *refused: self._run.note_refused(self.label, progress, *refused, is_parent=of_parents),
        )
        yield from self.source.batches(self._run, Reading(self.client, self.account, self.start_state, log))

    def write(self, batch: Batch) -> None:
        """Write the records of a batch, then move the bookmark. Raises OutputLost, or what the stream's maps raise."""
        if batch.records:
            self._output.state.before_records(self.partition, batch)
            with self._counted():
                self._output.write_records(batch.records)
        self._run.note_progress()
        if batch.window is not None:
            fields = (*self.partition, batch.window.start, batch.window.end, len(batch.records))
            self._output.logger.debug("window stream=%s account=%s start=%d end=%d records=%d", *fields)
        self.progress.add_batch(batch)
        self._output.state.commit(self.partition, batch)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Flush the writer at the end of the block, and then count the records that were written in it.

        The flush is needed because a STATE message may not follow. After an error, records already written count.
        """
        writer = self._output.writer
        before = writer.records_out
        try:
            try:
                yield
            finally:
                writer.flush()
        finally:
            self.progress.add_records(writer.records_out - before)

    def end(self, error: BaseException | None) -> None:
        """Note the end; `error` fails this stream and account.

        Raises the error if it ends the whole run, and SystemExit if no other stream can be read either.
        """
        self._output.ended()
        failure: StripeFlowError | None = None
        try:
            if isinstance(error, Exception) and not isinstance(error, ENDS_THE_RUN):
                failure = as_failure(error)
                has_advanced = self._output.state.members(self.partition) != self._before
                self._run.fail(self.label, failure, has_advanced=has_advanced, traffic=self.client.traffic)
        finally:  # also if it ends the run; a request that it sends counts for this stream and account
            self._run.end(self.progress, failure or error)
        if error is not None and failure is None:
            raise error
