"""How many requests a client has sent, and why requests wait, for the progress of a run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Traffic:
    """`requests` counts the requests sent, answered or not. Threads may share it; it locks per request, not record.

    What is counted here counts for `whole`, too.
    """

    def __init__(self, whole: Traffic | None = None) -> None:
        self.requests = 0
        self._whole = whole
        self._waits: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count_request(self) -> None:
        """Count one request more."""
        with self._lock:
            self.requests += 1
        if self._whole is not None:
            self._whole.count_request()

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Inside the block, a request waits to be sent again because of `reason`."""
        self.count_wait(reason, 1)
        try:
            yield
        finally:
            self.count_wait(reason, -1)

    def count_wait(self, reason: str, change: int) -> None:
        """Add to the count of requests that wait because of `reason`."""
        with self._lock:
            self._waits[reason] += change
        if self._whole is not None:
            self._whole.count_wait(reason, change)

    @property
    def waits_for(self) -> str | None:
        """The reason for which most requests wait to be sent again; None if none waits."""
        with self._lock:
            reason, count = max(self._waits.items(), key=lambda item: item[1], default=("", 0))
        return reason if count else None
