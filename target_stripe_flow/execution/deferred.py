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

    @property
    def is_barrier(self) -> bool:
        """Whether no STATE of this run may pass it."""
        return self._is_done and self._waits_for is not None and self._waits_for.is_barrier

    def resume(self, *, is_last: bool) -> Tallied | None:
        """Perform the job. Returns what the record still waits for, if anything; with `is_last` it gets a status."""
        self._waits_for = self._perform(is_last)
        self._is_done = True
        return self._waits_for


class NotConsumed:
    """The end of a record that is left to a later run: no STATE may pass it."""

    is_over = False
    is_barrier = True


class DeferredRecords:
    """The records that wait. Safe to share between threads."""

    def __init__(self) -> None:
        self._waiting: list[DeferredRecord] = []
        self._digests: set[str] = set()
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
            self._digests.add(record.job.identity.digest)
        return record

    def holds(self, digest: str) -> bool:
        """Whether a record of this identity waits: the later ones of the same key wait behind it."""
        with self._lock:
            return digest in self._digests

    def take(self) -> list[DeferredRecord]:
        """Remove and return all records that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._digests.clear()
        return waiting
