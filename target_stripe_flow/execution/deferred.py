"""Deferred records: each names a record that the input has not brought yet, as streams may come in any order.

They wait until the whole input is processed, and no STATE passes them; then they are resumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from target_stripe_flow.execution.dispatcher import Tallied
from target_stripe_flow.execution.job import Job

# When this many records wait, they are resumed before the end of the input, so that memory stays flat.
MOST_WAITING = 10_000


class DeferredRecord:
    """A job that waits; `resume` performs it again."""

    def __init__(self, job: Job, perform: Callable[[bool], Tallied | None]) -> None:
        self.job = job
        self._perform = perform
        self._is_done = False
        self._waits_for: Tallied | None = None

    @property
    def is_over(self) -> bool:
        """Whether the record is counted."""
        return self._is_done and (self._waits_for is None or self._waits_for.is_over)

    def resume(self, *, is_last: bool) -> Tallied | None:
        """Perform the job. Returns what the record still waits for, if anything; with `is_last` it gets a status."""
        self._waits_for = self._perform(is_last)
        self._is_done = True
        return self._waits_for


class DeferredRecords:
    """The records that wait. Safe to share between threads."""

    def __init__(self) -> None:
        self._waiting: list[DeferredRecord] = []
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether they should be resumed now."""
        return len(self._waiting) >= MOST_WAITING

    def add(self, record: DeferredRecord) -> DeferredRecord:
        """Let `record` wait; returns it."""
        with self._lock:
            self._waiting.append(record)
        return record

    def take(self) -> list[DeferredRecord]:
        """Remove and return all records that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting
