"""The state of all streams and accounts, and when a STATE message with it is written.

A STATE holds the bookmarks of all streams and accounts, so a STATE for each of many accounts would cost quadratic time.
It waits until the records since the last one weigh as much as it does; with records, LONGEST_WAIT_S at most. It never
waits while a second window of the same stream and account is written, so a kill repeats at most one window of each.

Records are written before their bookmark is committed here, so every STATE is behind its records.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from singer_sdk.helpers._state import PROGRESS_MARKERS, SIGNPOST_MARKER, STARTING_MARKER, StateWriter
from singer_sdk.helpers.types import TapState
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import EVENTS, LISTED
from tap_stripe_flow.windows.id_pool import IdPool
from tap_stripe_flow.windows.state import left_out, with_ends

# How long a STATE with some records waits for more. Without records a kill repeats nothing.
LONGEST_WAIT_S = 10.0
# STATEs that are asked for at once are written this fast: those of a few accounts within milliseconds.
URGENT_BYTES_PER_S = 1_000_000
# Meltano and the loaders store every STATE whole; a larger one is warned of.
LARGE_BYTES = 1_000_000
# Members of the SDK's dictionaries that are not a bookmark's.
_OF_SDK = frozenset({"context", "partitions", PROGRESS_MARKERS, SIGNPOST_MARKER, STARTING_MARKER})

Entry = dict[str, Any]  # Any: JSON


class Partition(NamedTuple):
    """What one bookmark is of: a stream, and an account of the setting `account_ids`; None without the setting."""

    stream: str
    account: str | None = None


class StateOutput(StateWriter):
    """Holds the bookmarks of all partitions, in the SDK's dictionary `state`, and writes them as STATE messages.

    - `warn` is called with a message when a STATE is large.
    - `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        state: TapState,
        writer: LineWriter,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(writer)
        self._state, self._writer, self._warn, self._clock = state, writer, warn, clock
        self._entries = {partition: entry for partition, entry in _entries(state) if entry}
        self._read = frozenset(each for each, entry in self._entries.items() if _members(entry))
        self._is_changed = bool(self._entries)  # the state that came in is repeated, as the SDK does
        self._open: set[Partition] = set()
        self._waiting: set[tuple[Partition, bool]] = set()  # with whether it is a window
        self._size_bytes = self._record_bytes = 0
        self._has_written = self._has_warned = self._is_urgent = False
        self._written_s = clock()
        self._ids = IdPool()

    def entry(self, partition: Partition) -> Entry:
        """The SDK's dictionary of a partition; an empty one without a bookmark, which is not part of the state."""
        return self._entries.get(partition, {})

    def members(self, partition: Partition) -> Entry:
        """The members of a partition's bookmark, without those that ended; a copy."""
        return _lasting(self.entry(partition))

    def count_ids_in(self, pool: IdPool) -> None:
        """Note in `pool` how many ids each bookmark holds, now and after each commit."""
        self._ids = pool
        for partition in self._entries:
            self._count_ids(partition)

    def _count_ids(self, partition: Partition) -> None:
        for bookmark in (LISTED, EVENTS):
            ids = self.entry(partition).get(bookmark.ids)
            self._ids.wrote((partition, bookmark), len(ids) if isinstance(ids, list) else 0)

    def before_records(self, partition: Partition, batch: Batch) -> None:
        """Write a STATE if one waits for the window before that of `batch`, whose records follow.

        A window and a batch of changes may wait together: then a kill repeats one of each.
        """
        kinds = (True, False) if batch.state is None else (batch.window is not None,)
        if self._is_urgent or any((partition, kind) in self._waiting for kind in kinds):
            self._write()
        self._open.add(partition)

    def commit(self, partition: Partition, batch: Batch) -> None:
        """Replace a partition's bookmark by that of `batch`, whose records are written; write a STATE if it is due."""
        if batch.state is None:
            return
        if partition in self._open:
            self._open.discard(partition)
            self._waiting.add((partition, batch.window is not None))
        entry = self.entry(partition)
        before, after = _members(entry), self._with_ends(partition, batch.state)
        if before != after:
            self._attach(partition, entry)
            for name in entry.keys() - {"context", "partitions"}:
                del entry[name]
            entry.update(after)
            self._count_ids(partition)
            self._is_changed = True
        self._is_urgent = self._is_urgent or (self._is_changed and batch.at_once)
        if self._is_changed and self._is_due():
            self._write()

    def due_in_s(self) -> float | None:
        """In how many seconds a STATE is to be written though no batch comes; None: none waits.

        One that was asked for `at_once` is written soon: many accounts that begin together share one STATE, or their
        STATEs would cost quadratic time. One with records is written after LONGEST_WAIT_S.
        """
        soon_s = self._size_bytes / URGENT_BYTES_PER_S if self._is_urgent else math.inf
        late_s = LONGEST_WAIT_S if self._waiting and self._is_changed else math.inf
        wait_s = min(soon_s, late_s)
        return None if wait_s == math.inf else max(0.0, self._written_s + wait_s - self._clock())

    def write_if_due(self) -> None:
        """Write a STATE that is to be written though no batch comes, if it is time."""
        if self.due_in_s() == 0:
            self._write()

    @override
    def write_state(self, state: TapState) -> None:
        """Write a STATE if it is due: the SDK calls this at the start, and at the end of each stream."""
        if self._is_changed and self._is_due():
            self._write()

    def finish(self, *, ended_well: bool) -> None:
        """Write what changed since the last STATE; a run that `ended_well` writes at least one."""
        if self._is_changed or (ended_well and not self._has_written):
            self._write()

    def of_other_form(self, stream: str, *, has_accounts: bool) -> bool:
        """Whether all bookmarks of the stream are without accounts, and the run `has_accounts`; or the reverse."""
        entry = self.entry(Partition(stream))
        in_accounts = any(_lasting(partition) for partition in entry.get("partitions", []))
        return in_accounts != bool(_lasting(entry)) and in_accounts != has_accounts

    def _with_ends(self, partition: Partition, members: Mapping[str, object]) -> Entry:
        """The members of the partition's next bookmark, with a null for each that a merge must forget.

        In a full refresh Meltano passes no state, and merges the new one onto the old. It replaces lists whole, so
        partitions need no null for what no STATE of this run had.
        """
        before = _members(self.entry(partition))
        if partition.account is None and partition not in self._read:
            before |= dict.fromkeys(left_out(members))
        return with_ends(members, before)

    def _attach(self, partition: Partition, entry: Entry) -> None:
        """Make the entry of a partition part of the SDK's dictionary."""
        if partition in self._entries:
            return
        bookmarks = self._state.setdefault("bookmarks", {})
        if partition.account is None:
            entry.update(bookmarks.get(partition.stream, {}))
            bookmarks[partition.stream] = entry
        else:
            entry["context"] = {ACCOUNT_MEMBER: partition.account}
            bookmarks.setdefault(partition.stream, {}).setdefault("partitions", []).append(entry)
        self._entries[partition] = entry

    def _is_due(self) -> bool:
        weight = self._writer.record_bytes_out - self._record_bytes
        is_late = bool(self._waiting) and self._clock() - self._written_s >= LONGEST_WAIT_S
        return is_late or weight >= self._size_bytes

    def _write(self) -> None:
        line = self._writer.format_message(StateMessage(value={"bookmarks": {}, **self._state}))
        self._size_bytes = len(line)
        self._writer.write_line(line)
        self._waiting.clear()
        self._is_changed, self._is_urgent, self._has_written = False, False, True
        self._record_bytes, self._written_s = self._writer.record_bytes_out, self._clock()
        if self._size_bytes > LARGE_BYTES and not self._has_warned:
            self._has_warned = True
            self._warn(
                f"a STATE has {self._size_bytes / 1e6:.1f} MB, with {len(self._entries)} bookmarks of streams and "
                "accounts: Meltano and the loader store it whole each time. Give the accounts (setting account_ids) "
                "or the streams to several runs, each with a state of its own"
            )


def _entries(state: TapState) -> Iterator[tuple[Partition, Entry]]:
    """The SDK's dictionaries in a state, by partition; those of partitions that are not an account's are left out."""
    for stream, entry in state.get("bookmarks", {}).items():
        yield Partition(stream), entry
        for partition in entry.get("partitions", []):
            if partition["context"].keys() == {ACCOUNT_MEMBER}:
                yield Partition(stream, partition["context"][ACCOUNT_MEMBER]), partition


def _members(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name not in _OF_SDK}


def _lasting(entry: Entry) -> Entry:
    """The members of a bookmark that did not end."""
    return {name: value for name, value in _members(entry).items() if value is not None}
