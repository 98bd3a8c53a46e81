"""The connections to Stripe: one for each thread, or a pool that limits how many requests are in flight."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from requests.adapters import HTTPAdapter

# How often a thread that waits for a slot looks whether the run is stopping: a signal's handler cannot wake it.
POLL_S = 0.2


@dataclass(kw_only=True, eq=False)
class OpenConnection:
    """A connection that carries one request at a time.

    `is_open`: it has answered its last request and stayed open. `answered_at_s` is the time of that answer, by
    `elapsed_s`.
    """

    adapter: HTTPAdapter | None = None
    is_open: bool = False
    answered_at_s: float = -math.inf


@dataclass(eq=False)
class _Waiter:
    has_slot: threading.Event = field(default_factory=threading.Event)
    connection: OpenConnection | None = None


class Slots:
    """At most `most` connections, each used by one thread at a time; the one used last is used first.

    Threads that wait get theirs in the order in which they came.
    """

    def __init__(self, most: int) -> None:
        self._unmade = most
        self._idle: list[OpenConnection] = []
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, stopping: threading.Event) -> Iterator[OpenConnection | None]:
        """A connection of the caller's own inside the block; None if the run is stopping before there is one."""
        connection = self._take(stopping)
        try:
            yield connection
        finally:
            if connection is not None:
                self._give_back(connection)

    def _take(self, stopping: threading.Event) -> OpenConnection | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._unmade:
                self._unmade -= 1
                return OpenConnection()
            waiter = _Waiter()
            self._waiting.append(waiter)
        while not waiter.has_slot.wait(POLL_S):
            if stopping.is_set():
                with self._lock:
                    if waiter.connection is None:
                        self._waiting.remove(waiter)
                        return None
        return waiter.connection

    def _give_back(self, connection: OpenConnection) -> None:
        with self._lock:
            if self._waiting:
                waiter = self._waiting.popleft()
                waiter.connection = connection
                waiter.has_slot.set()
            else:
                self._idle.append(connection)
