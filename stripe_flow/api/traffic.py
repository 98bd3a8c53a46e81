"""What a client has sent so far and what it waits for, for whoever watches a run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Traffic:
    """Safe to share between threads. One lock for each request, none for a record."""

    def __init__(self) -> None:
        self.requests = 0
        self._waits: Counter[str] = Counter()
        self._lock = threading.Lock()

    def sent(self) -> None:
        """One more request, answered or not."""
        with self._lock:
            self.requests += 1

    @contextmanager
    def waiting(self, why: str) -> Iterator[None]:
        """Inside, a request waits to be sent again."""
        with self._lock:
            self._waits[why] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waits[why] -= 1

    @property
    def waits_for(self) -> str | None:
        """Why requests wait to be sent again, most of them; None: none does."""
        with self._lock:
            why, count = max(self._waits.items(), key=lambda item: item[1], default=("", 0))
        return why if count else None
