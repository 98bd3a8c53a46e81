"""Lets a few threads pass at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# How often a thread that waits looks whether the run is stopping: a signal's handler cannot wake it.
POLL_S = 0.2


class Line:
    """`most` permits, each for one thread at a time."""

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether no thread has a permit."""
        return self._free == self._most

    @contextmanager
    def permit(self, stopping: threading.Event) -> Iterator[bool]:
        """Wait for a permit, which the caller has inside the block; False if the run is stopping before one is free."""
        has_permit = self._take(stopping)
        try:
            yield has_permit
        finally:
            if has_permit:
                self._give_back()

    def _take(self, stopping: threading.Event) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        while not turn.wait(POLL_S):
            if stopping.is_set():
                with self._lock:
                    if not turn.is_set():
                        self._waiting.remove(turn)
                        return False
        return True

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
