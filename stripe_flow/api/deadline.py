"""One deadline for a whole HTTP exchange, from connecting to the last byte.

`requests` limits single socket operations, so a peer that sends one byte every few seconds is never late. Here one
watchdog thread shuts the socket down at the deadline, and the thread that uses the socket gets an error.
A name look-up cannot be cut short, but nothing is sent if it ends after the deadline.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from stripe_flow.api.clock import elapsed_s


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class Limit:
    """The deadline of one exchange, with its own duplicate of the socket's descriptor.

    The duplicate reaches the connection whatever wraps or owns its socket: TLS takes the descriptor away from the plain
    socket before the handshake, TLS inside a proxy's TLS is not a socket at all, and an answer that ends with its
    connection outlives the connection object.
    """

    def __init__(self, due_at: float, *, may_connect: bool = True, first_byte_by_s: float | None = None) -> None:
        """`due_at` is in monotonic seconds. Without `may_connect` only a connection that is already open is used.

        After `first_byte_by_s`, in seconds of `elapsed_s`, no byte is sent.
        """
        self.due_at = due_at
        self.may_connect = may_connect
        self.was_closed = False
        self.was_late = False
        self._first_byte_by_s = first_byte_by_s
        self.has_passed = False
        self.has_ended = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def watch(self, sock: _HasFileno) -> None:
        """Cut this socket at the deadline, too. Raises ConnectTimeoutError when the deadline has passed."""
        with self._lock:
            self._release()
            if self.has_passed or time.monotonic() >= self.due_at:
                self.has_passed = True
                raise ConnectTimeoutError(None, "the deadline passed before anything was sent")
            self._handle = socket.socket(fileno=os.dup(sock.fileno()))

    def check_first_byte(self) -> None:
        """Raises ConnectTimeoutError when it is too late for the first byte."""
        if self._first_byte_by_s is not None and elapsed_s() > self._first_byte_by_s:
            self.was_late = True
            raise ConnectTimeoutError(None, "too late for the first byte")

    def cut(self) -> None:
        """Shut the socket down, unless the exchange has ended."""
        with self._lock:
            if self.has_ended:
                return
            self.has_passed = True
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # it is already closed

    def end(self) -> None:
        """The exchange is over: leave its connection open."""
        with self._lock:
            self.has_ended = True
            self._release()

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class Watchdog:
    """One thread for all deadlines."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Limit]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(
        self, seconds: float, *, may_connect: bool = True, first_byte_by_s: float | None = None
    ) -> Iterator[Limit]:
        """Cut what this thread exchanges inside the block after `seconds`; `has_passed` is True if that happened.

        Without `may_connect` nothing is sent on a new connection; `was_closed` is True if the open one was closed.
        After `first_byte_by_s` (of `elapsed_s`) nothing is sent at all; `was_late` is then True.
        """
        limit = Limit(time.monotonic() + seconds, may_connect=may_connect, first_byte_by_s=first_byte_by_s)
        _current.limit = limit
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stripe-deadlines", daemon=True)
                self._thread.start()
            self._drop_ended()
            heapq.heappush(self._due, (limit.due_at, next(self._count), limit))
            if limit.due_at < self._wakes_at:  # waking the thread for each request would cost as much as the request
                self._changed.notify()
        try:
            yield limit
        finally:
            limit.end()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._drop_ended()
                self._wakes_at = self._due[0][0] if self._due else math.inf
                left_s = self._wakes_at - time.monotonic()
                if left_s > 0:
                    self._changed.wait(left_s if self._due else None)
                    continue
                limit = heapq.heappop(self._due)[2]
            limit.cut()

    def _drop_ended(self) -> None:
        while self._due and self._due[0][2].has_ended:
            heapq.heappop(self._due)


_current = threading.local()


class _WatchedConnection:
    """A connection that hands its socket to this thread's `Limit`.

    A new socket is handed over as soon as it is connected, before any proxy's tunnel or TLS handshake. A reused one is
    handed over just before it sends.
    """

    sock: _HasFileno | None

    def _new_conn(self) -> socket.socket:
        if not _current.limit.may_connect:
            _current.limit.was_closed = True
            raise ConnectTimeoutError(None, "the open connection was closed")
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]  # a mix-in before urllib3's connection
        try:
            _current.limit.watch(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:  # Any: urllib3's own signature, passed through
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # a mix-in; `request` would do it after the clock is read
        else:
            _current.limit.watch(self.sock)
        _current.limit.check_first_byte()
        super().request(*args, **kwargs)  # type: ignore[misc]  # a mix-in


class _PlainConnection(_WatchedConnection, HTTPConnection):
    pass


class _TlsConnection(_WatchedConnection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    """A pool of plain HTTP connections that keep to the deadline."""

    ConnectionCls = _PlainConnection


class TlsPool(HTTPSConnectionPool):
    """A pool of HTTPS connections that keep to the deadline."""

    ConnectionCls = _TlsConnection
