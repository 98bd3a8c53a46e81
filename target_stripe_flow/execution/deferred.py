"""Records that name another one which has not come yet: streams may come in any order within a run.

They wait, and no STATE passes them, until all that the input holds has been done; then they are taken up again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from target_stripe_flow.execution.dispatcher import Tallied
from target_stripe_flow.execution.job import Job

# So many may wait at once; then what they name has to have come. Memory stays flat.
MOST_WAITING = 10_000


class DeferredRecord:
    """A job that waits; `again` does it once more, and the last time it must end in a place."""

    def __init__(self, job: Job, perform: Callable[[bool], Tallied | None]) -> None:
        self.job = job
        self._perform = perform
        self._is_done = False
        self._waits_for: Tallied | None = None

    @property
    def is_over(self) -> bool:
        return self._is_done and (self._waits_for is None or self._waits_for.is_over)

    def again(self, *, is_last: bool) -> Tallied | None:
        """What it has to wait for besides, if anything."""
        self._waits_for = self._perform(is_last)
        self._is_done = True
        return self._waits_for


class DeferredRecords:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._waiting: list[DeferredRecord] = []
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def add(self, late: DeferredRecord) -> DeferredRecord:
        with self._lock:
            self._waiting.append(late)
        return late

    def take(self) -> list[DeferredRecord]:
        """All that wait, which then wait no more."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting
