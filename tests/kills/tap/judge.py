"""Judges a history of runs, many of them killed, against what the account holds in the end. Pure.

An id is *covered* once the run that emitted it has written a STATE that moved the bookmark of its partition: a loader
may drop all that comes later, so only covered ids count as out. What a killed run emitted behind the last such STATE is
the one window that the next runs may repeat; how large a window can be is the tap's own constant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tap_stripe_flow.listing.pages import PAGE_LIMIT
from tap_stripe_flow.windows.plan import MOST
from tests.kills.tap.history import Bookmark, Emitted, Partition, Run, State

# Beyond that Meltano's state would crawl.
MOST_STATE_BYTES = 300_000
# A window is read no further than the page that goes beyond `MOST`; only a single second may hold more.
MOST_IN_WINDOW = MOST + PAGE_LIMIT


class Kind(Enum):
    """What can be wrong with a history."""

    LOST = "an object was never emitted before a STATE"
    FOREIGN = "a record is not of this account"
    REPEATED = "a record came again that a STATE had covered, or after a run that ended well, or twice in one run"
    MORE_THAN_A_WINDOW = "more than a window came again in one run, or would after a kill, since no STATE covered it"
    WENT_BACK = "a bookmark went back"
    TOO_LONG = "a STATE is too long"
    REMEMBERS_SETTLED = "a window that was settled before the run began left ids in the STATE"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong; `run` counts from 0, and is None for what shows only in the end."""

    kind: Kind
    run: int | None
    partition: Partition | None
    told: str


@dataclass(kw_only=True)
class Verdict:
    """What is wrong, and how much was judged. A window is a move of a bookmark, `settled` those of the backfill."""

    faults: list[Fault] = field(default_factory=list)
    windows: int = 0
    settled_windows: int = 0
    longest_state_bytes: int = 0
    records: int = 0
    repeats: int = 0
    most_repeats_at_once: int = 0

    def told(self, most: int = 3) -> list[str]:
        """The faults in sentences: how many of each kind, and the first ones."""
        kinds: dict[Kind, list[Fault]] = defaultdict(list)
        for fault in self.faults:
            kinds[fault.kind].append(fault)
        return [
            f"{len(found)} times: {kind.value}: "
            + "; ".join(f"run {each.run} {each.partition}: {each.told}" for each in found[:most])
            for kind, found in kinds.items()
        ]


@dataclass
class _Ledger:
    """One partition: `current` is what this run emitted since its last covering STATE, `loose` what killed runs did."""

    bookmark: Bookmark | None = None
    covered: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    current: set[str] = field(default_factory=set)
    repeats: int = 0

    def cover(self) -> None:
        self.covered |= self.current
        self.loose -= self.current
        self.current = set()


class Judge:
    """Hears one run after the other, so that nobody must keep what they wrote, and gives the verdict in the end."""

    def __init__(self, overlap_s: int) -> None:
        self._verdict = Verdict()
        self._overlap_s = overlap_s
        self._ledgers: defaultdict[Partition, _Ledger] = defaultdict(_Ledger)
        self._run: int | None = None

    def hear(self, run: Run) -> None:
        """The next run; it was given the last whole STATE of those before."""
        self._run = 0 if self._run is None else self._run + 1
        for event in run.events:
            if isinstance(event, Emitted):
                self._record(event)
            else:
                self._state(event, settled_unix=run.clock_unix - self._overlap_s)
        for partition, ledger in self._ledgers.items():
            if ledger.repeats > MOST_IN_WINDOW:
                self._fault(Kind.MORE_THAN_A_WINDOW, partition, f"{ledger.repeats} records came again")
            if run.was_killed:
                ledger.loose |= ledger.current
                ledger.current = set()
            else:
                ledger.cover()
            self._verdict.most_repeats_at_once = max(self._verdict.most_repeats_at_once, ledger.repeats)
            ledger.repeats = 0

    def close(self, objects: Mapping[Partition, Collection[str]]) -> Verdict:
        """The verdict, once the account holds the ids `objects` and the last run has read all that there was."""
        self._run = None
        for partition in {*objects, *self._ledgers}:
            ledger, held = self._ledgers[partition], set(objects.get(partition, ()))
            for lost in sorted(held - ledger.covered):
                how = "only behind the last STATE of a killed run" if lost in ledger.loose else "never"
                self._fault(Kind.LOST, partition, f"{lost} came {how}")
            for foreign in sorted((ledger.covered | ledger.loose) - held):
                self._fault(Kind.FOREIGN, partition, foreign)
        return self._verdict

    def _record(self, record: Emitted) -> None:
        ledger = self._ledgers[record.partition]
        self._verdict.records += 1
        if record.id in ledger.covered or record.id in ledger.current:
            self._fault(Kind.REPEATED, record.partition, record.id)
        elif record.id in ledger.loose:
            self._verdict.repeats += 1
            ledger.repeats += 1
        ledger.current.add(record.id)
        if len(ledger.current) == MOST_IN_WINDOW + 1:
            told = f"{record.id} is number {len(ledger.current)} since the last STATE"
            self._fault(Kind.MORE_THAN_A_WINDOW, record.partition, told)

    def _state(self, state: State, settled_unix: int) -> None:
        self._verdict.longest_state_bytes = max(self._verdict.longest_state_bytes, state.length)
        if state.length > MOST_STATE_BYTES:
            self._fault(Kind.TOO_LONG, None, f"{state.length} bytes")
        for partition, ledger in self._ledgers.items():
            if ledger.bookmark is not None and partition not in state.bookmarks:
                self._fault(Kind.WENT_BACK, partition, "it is gone")
        for partition, bookmark in state.bookmarks.items():
            ledger = self._ledgers[partition]
            if bookmark != ledger.bookmark:
                self._move(partition, ledger.bookmark, bookmark, settled_unix)
                ledger.cover()
                ledger.bookmark = bookmark

    def _move(self, partition: Partition, before: Bookmark | None, after: Bookmark, settled_unix: int) -> None:
        self._verdict.windows += 1
        if before is not None and (after.end < before.end or after.reread_from < before.reread_from):
            moved = f"from {before.end}, {before.reread_from} to {after.end}, {after.reread_from}"
            self._fault(Kind.WENT_BACK, partition, moved)
        if after.end > settled_unix:
            return
        self._verdict.settled_windows += 1
        # Ids that an earlier run had to note may stay until their time has been read again.
        noted = after.id_set() - (before.id_set() if before else frozenset())
        if noted:
            self._fault(Kind.REMEMBERS_SETTLED, partition, f"{len(noted)} ids at {after.end}")

    def _fault(self, kind: Kind, partition: Partition | None, told: str) -> None:
        self._verdict.faults.append(Fault(kind=kind, run=self._run, partition=partition, told=told))
