"""Reads a list in simulated time: the real plan and schedule, and an account that is only a sorted array of seconds."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stripe_flow.api.paging import PAGE_LIMIT
from tap_stripe_flow.listing.memory import MOST_WAITING_BYTES, MemoryBudget
from tap_stripe_flow.windows.plan import Plan, Window
from tap_stripe_flow.windows.reach import Reach, Stop
from tap_stripe_flow.windows.schedule import Schedule

# What a charge takes while it waits. If its ids, names, address and links are as random as a real shop's, its 2,900
# bytes without white space take 450 compressed; its id and times take the rest.
OBJECT_BYTES = 480


@dataclass
class Simulation:
    """One reader of `seconds`, the ascending creation times of all objects, over [start, end).

    Each page arrives `latency_s` after its request; at most `per_s` requests a second are sent, 0: no limit. `log` has
    the moment of each request, and the moment when it was answered. `windows` are those written, `now` is the time.
    """

    seconds: Sequence[int]
    start: int
    end: int
    threads: int = 16
    latency_s: float = 0.1
    per_s: float = 0
    most_bytes: int = MOST_WAITING_BYTES
    log: list[tuple[float, float]] = field(default_factory=list)
    windows: list[tuple[Window, int]] = field(default_factory=list)
    most_taken: int = 0
    now: float = 0

    def run(self) -> Simulation:
        """Read the whole range."""
        whole = Window(start=self.start, end=self.end)
        self._memory = MemoryBudget(self.most_bytes)
        self._schedule = Schedule(Plan.reading(whole), self.threads, self._memory)
        self._free_at, self._numbers, self._counts = 0.0, itertools.count(), dict[Window, int]()
        self._answers: list[tuple[float, int, Reach, Iterator[tuple[Sequence[int], bool]]]] = []
        first = Reach(whole)
        self._ask(first, self._pages(whole))
        while self._answers:
            self._answer(first)
            self._start()
            for window in iter(self._schedule.pop, None):
                self._schedule.release(window)
                self.windows.append((window, self._counts.pop(window)))
                self._start()
        return self

    def _start(self) -> None:
        for reach in self._schedule.starts():
            self._ask(reach, self._pages(reach.window))
        self.most_taken = max(self.most_taken, self._memory.taken)

    @property
    def average(self) -> float:
        """How many requests were under way on average."""
        return sum(answered - asked for asked, answered in self.log) / self.now

    def under_way(self, step_s: float = 0.25) -> list[int]:
        """How many requests were under way at the beginning of each step."""
        steps = [step * step_s for step in range(int(self.now / step_s) + 1)]
        return [sum(asked <= moment < answered for asked, answered in self.log) for moment in steps]

    def _ask(self, reach: Reach, pages: Iterator[tuple[Sequence[int], bool]]) -> None:
        asked = max(self.now, self._free_at)
        self._free_at = asked + 1 / self.per_s if self.per_s else 0
        self.log.append((asked, asked + self.latency_s))
        heapq.heappush(self._answers, (asked + self.latency_s, next(self._numbers), reach, pages))

    def _answer(self, first: Reach) -> None:
        self.now, _, reach, pages = heapq.heappop(self._answers)
        created, has_more = next(pages)
        stop = reach.add(created, has_more=has_more)
        if stop is None:
            self._ask(reach, pages)
        else:
            self._finish(reach, stop, None if reach is first else reach)

    def _finish(self, reach: Reach, stop: Stop, known: Reach | None) -> None:
        kept = self._schedule.finish(reach.window, stop, stop.count * OBJECT_BYTES, known)
        if kept is not None:
            self._counts[kept] = stop.count

    def _pages(self, window: Window) -> Iterator[tuple[Sequence[int], bool]]:
        low, high = bisect_left(self.seconds, window.start), bisect_left(self.seconds, window.end)
        while True:
            start = max(low, high - PAGE_LIMIT)
            yield self.seconds[start:high][::-1], start > low
            high = start
