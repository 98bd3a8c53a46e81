"""Checks a history of runs, many of them killed, against the objects that the account holds in the end. Pure.

An id is *covered* once the run that emitted it has written a STATE that moved the bookmark of its partition: a loader
may drop later records, so only covered ids count as emitted. The records of a killed run after the last such STATE are
the one window that the next runs may repeat. The tap's own constant limits how large a window can be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from stripe_flow.api.paging import PAGE_LIMIT
from tap_stripe_flow.windows.plan import MOST_OBJECTS
from tests.kills.tap.history import Bookmark, Emitted, Partition, Run, State

# A larger STATE makes Meltano slow.
MOST_STATE_BYTES = 300_000
# A window ends at the latest with the page that exceeds `MOST_OBJECTS`; only a single second may hold more.
MOST_IN_WINDOW = MOST_OBJECTS + PAGE_LIMIT


class Kind(Enum):
    """The kinds of faults in a history."""

    LOST = "an object was never emitted before a STATE"
    FOREIGN = "a record is not of this account"
    REPEATED = "a record was repeated although a STATE covered it or its run ended well, or twice in one run"
    MORE_THAN_A_WINDOW = (
        "more than a window was repeated in one run, or would be after a kill, since no STATE covered it"
    )
    AHEAD = "a STATE covered a record that came after it"
    MISCOUNTED = "the summary counts other records than those on standard output"
    WENT_BACK = "a bookmark went back"
    TOO_LONG = "a STATE is too long"
    REMEMBERS_SETTLED = "a window settled before the run left ids in the STATE"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. `run` counts from 0; None: the fault shows only in the end."""

    kind: Kind
    run: int | None
    partition: Partition | None
    detail: str


@dataclass(kw_only=True)
class Verdict:
    """The faults, and how much was checked. Each move of a bookmark is a window; in a backfill, a settled one."""

    faults: list[Fault] = field(default_factory=list)
    windows: int = 0
    settled_windows: int = 0
    summaries: int = 0
    longest_state_bytes: int = 0
    records: int = 0
    repeats: int = 0
    most_repeats_at_once: int = 0
    most_cut_off_at_once: int = 0  # partitions with records after their last STATE, when one run was killed

    def sentences(self, most: int = 3) -> list[str]:
        """A sentence for each kind of fault: how many, and the first `most` of them."""
        kinds: dict[Kind, list[Fault]] = defaultdict(list)
        for fault in self.faults:
            kinds[fault.kind].append(fault)
        return [
            f"{len(found)} times: {kind.value}: "
            + "; ".join(f"run {each.run} {each.partition}: {each.detail}" for each in found[:most])
            for kind, found in kinds.items()
        ]


@dataclass
class _Ids:
    """The ids of one partition.

    - `covered` are emitted and covered by a STATE, `current` emitted in this run since its last covering STATE.
    - `uncovered` are those that killed runs emitted after their last covering STATE.
    """

    bookmark: Bookmark | None = None
    covered: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    current: set[str] = field(default_factory=set)
    repeats: int = 0

    def cover(self) -> None:
        """Note a STATE that covers the current ids."""
        self.covered |= self.current
        self.uncovered -= self.current
        self.current = set()


class Judge:
    """Takes one run after the other, so that their output need not be kept, and gives the verdict in the end."""

    def __init__(self, overlap_s: int) -> None:
        self._verdict = Verdict()
        self._overlap_s = overlap_s
        self._partitions: defaultdict[Partition, _Ids] = defaultdict(_Ids)
        self._run: int | None = None

    def add(self, run: Run) -> None:
        """Check the next run, which started from the last complete STATE of the runs before."""
        self._run = 0 if self._run is None else self._run + 1
        for event in run.events:
            if isinstance(event, Emitted):
                self._record(event)
            else:
                self._state(event, settled_unix=run.clock_unix - self._overlap_s)
        self._compare_counts(run)
        if run.was_killed:
            cut_off = sum(bool(ids.current) for ids in self._partitions.values())
            self._verdict.most_cut_off_at_once = max(self._verdict.most_cut_off_at_once, cut_off)
        for partition, ids in self._partitions.items():
            if ids.repeats > MOST_IN_WINDOW:
                self._fault(Kind.MORE_THAN_A_WINDOW, partition, f"{ids.repeats} records were repeated")
            if run.was_killed:
                ids.uncovered |= ids.current
                ids.current = set()
            else:
                ids.cover()
            self._verdict.most_repeats_at_once = max(self._verdict.most_repeats_at_once, ids.repeats)
            ids.repeats = 0

    def close(self, objects: Mapping[Partition, Collection[str]]) -> Verdict:
        """The verdict, after a run that read everything; `objects` are the ids that the account holds."""
        self._run = None
        for partition in {*objects, *self._partitions}:
            ids, held = self._partitions[partition], set(objects.get(partition, ()))
            for lost in sorted(held - ids.covered):
                how = "only after the last STATE of a killed run" if lost in ids.uncovered else "never"
                self._fault(Kind.LOST, partition, f"{lost} was emitted {how}")
            for foreign in sorted((ids.covered | ids.uncovered) - held):
                self._fault(Kind.FOREIGN, partition, foreign)
        return self._verdict

    def _compare_counts(self, run: Run) -> None:
        """Compare the run's summary, if it has one, with its records: no STATE needs to follow a record that counts."""
        written = Counter(event.partition for event in run.events if isinstance(event, Emitted))
        counted = written if run.counted is None else run.counted
        for partition in {*written, *counted}:
            if written[partition] != counted.get(partition, 0):
                detail = f"{counted.get(partition, 0)} counted, {written[partition]} on standard output"
                self._fault(Kind.MISCOUNTED, partition, detail)
        self._verdict.summaries += run.counted is not None

    def _record(self, record: Emitted) -> None:
        ids = self._partitions[record.partition]
        self._verdict.records += 1
        if ids.bookmark is not None and record.created < ids.bookmark.reread_from and record.id not in ids.covered:
            self._fault(Kind.AHEAD, record.partition, f"{record.id} of {record.created}")
        if record.id in ids.covered or record.id in ids.current:
            self._fault(Kind.REPEATED, record.partition, record.id)
        elif record.id in ids.uncovered:
            self._verdict.repeats += 1
            ids.repeats += 1
        ids.current.add(record.id)
        if len(ids.current) == MOST_IN_WINDOW + 1:
            detail = f"{record.id} is number {len(ids.current)} since the last STATE"
            self._fault(Kind.MORE_THAN_A_WINDOW, record.partition, detail)

    def _state(self, state: State, settled_unix: int) -> None:
        self._verdict.longest_state_bytes = max(self._verdict.longest_state_bytes, state.length)
        if state.length > MOST_STATE_BYTES:
            self._fault(Kind.TOO_LONG, None, f"{state.length} bytes")
        for partition, ids in self._partitions.items():
            if ids.bookmark is not None and partition not in state.bookmarks:
                self._fault(Kind.WENT_BACK, partition, "it was deleted")
        for partition, bookmark in state.bookmarks.items():
            ids = self._partitions[partition]
            if bookmark != ids.bookmark:
                self._move(partition, ids.bookmark, bookmark, settled_unix)
                ids.cover()
                ids.bookmark = bookmark

    def _move(self, partition: Partition, before: Bookmark | None, after: Bookmark, settled_unix: int) -> None:
        self._verdict.windows += 1
        if before is not None and (after.end < before.end or after.reread_from < before.reread_from):
            moved = f"from {before.end}, {before.reread_from} to {after.end}, {after.reread_from}"
            self._fault(Kind.WENT_BACK, partition, moved)
        if after.end > settled_unix:
            return
        self._verdict.settled_windows += 1
        # Ids of an earlier run may stay until their time has been read again.
        added = after.id_set() - (before.id_set() if before else frozenset())
        if added:
            self._fault(Kind.REMEMBERS_SETTLED, partition, f"{len(added)} ids at {after.end}")

    def _fault(self, kind: Kind, partition: Partition | None, detail: str) -> None:
        self._verdict.faults.append(Fault(kind=kind, run=self._run, partition=partition, detail=detail))
