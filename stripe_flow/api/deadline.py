"""One deadline for a whole HTTP exchange, from connecting to the last byte.

`requests` bounds single socket operations, so a peer that sends one byte now and then is never late. Here one
watchdog thread shuts the socket down when the deadline passes, and the reading thread wakes up with an error.
"""

from __future__ import annotations

import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Limit:
    """One exchange's deadline, and the connection it runs on once there is one."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None
        self.has_passed = False
        self.is_over = False

    def cut(self) -> None:
        self.has_passed = True
        sock = self.connection.sock if self.connection else None
        if sock is not None:
            # The plain socket's own shutdown: a TLS socket's drops its TLS state under the reading thread.
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return  # already gone


class Watchdog:
    """One thread for all deadlines."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Limit]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float) -> Iterator[Limit]:
        """Whatever this thread exchanges inside is cut after `seconds`; `has_passed` then says so."""
        limit = Limit()
        _current.limit = limit
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stripe-deadlines", daemon=True)
                self._thread.start()
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), limit))
            self._changed.notify()
        try:
            yield limit
        finally:
            limit.is_over = True
            limit.connection = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._due and self._due[0][2].is_over:
                    heapq.heappop(self._due)
                if not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                    continue
                limit = heapq.heappop(self._due)[2]
            if not limit.is_over:
                limit.cut()


_current = threading.local()


class _Limited:
    """A connection that tells the running exchange about itself, so that the watchdog finds its socket."""

    def request(self, *args: Any, **kwargs: Any) -> None:  # Any: urllib3's own signature, passed through
        _current.limit.connection = self
        super().request(*args, **kwargs)  # type: ignore[misc]  # a mix-in: the next class is urllib3's connection


class _PlainConnection(_Limited, HTTPConnection):
    pass


class _TlsConnection(_Limited, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
