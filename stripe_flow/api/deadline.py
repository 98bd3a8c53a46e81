"""One deadline for a whole HTTP exchange, from connecting to the last byte.

`requests` bounds single socket operations, so a peer that sends one byte now and then is never late. Here one
watchdog thread shuts the socket down when the deadline passes, and the thread that uses it wakes up with an error.
A name look-up cannot be cut, but what comes late out of it is not sent on.
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


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class Limit:
    """One exchange's deadline, and a handle of our own on the socket it runs on once there is one.

    The handle reaches the connection under whatever wraps or owns its socket: TLS takes the descriptor away from
    the plain socket before the handshake, TLS inside a proxy's TLS is no socket at all, and an answer that ends with
    its connection outlives the connection object.
    """

    def __init__(self, due: float, *, may_connect: bool = True) -> None:
        """Without `may_connect` the exchange runs on the connection that is open, or not at all."""
        self.due = due
        self.may_connect = may_connect
        self.was_gone = False
        self.has_passed = False
        self._is_over = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def watch(self, sock: _HasFileno) -> None:
        """Cut this one, too, when the time comes. Raises ConnectTimeoutError if it has come."""
        with self._lock:
            self._release()
            if self.has_passed or time.monotonic() >= self.due:
                self.has_passed = True
                raise ConnectTimeoutError(None, "the deadline passed before anything was sent")
            self._handle = socket.socket(fileno=os.dup(sock.fileno()))

    def cut(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self.has_passed = True
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # already gone

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            self._release()

    @property
    def is_over(self) -> bool:
        return self._is_over

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
    def limit(self, seconds: float, *, may_connect: bool = True) -> Iterator[Limit]:
        """Whatever this thread exchanges inside is cut after `seconds`; `has_passed` then says so.

        Without `may_connect` nothing is sent on a new connection; `was_gone` says that the old one was gone.
        """
        limit = Limit(time.monotonic() + seconds, may_connect=may_connect)
        _current.limit = limit
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stripe-deadlines", daemon=True)
                self._thread.start()
            self._forget_what_is_over()
            heapq.heappush(self._due, (limit.due, next(self._count), limit))
            if limit.due < self._wakes_at:  # to wake it up for each request would cost as much as the request
                self._changed.notify()
        try:
            yield limit
        finally:
            limit.end()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._forget_what_is_over()
                self._wakes_at = self._due[0][0] if self._due else math.inf
                left_s = self._wakes_at - time.monotonic()
                if left_s > 0:
                    self._changed.wait(left_s if self._due else None)
                    continue
                limit = heapq.heappop(self._due)[2]
            limit.cut()

    def _forget_what_is_over(self) -> None:
        while self._due and self._due[0][2].is_over:
            heapq.heappop(self._due)


_current = threading.local()


class _Limited:
    """A connection that shows its socket to the running exchange: a new one as soon as it is connected, before any
    proxy's tunnel or TLS handshake, and one that is used again just before it sends.
    """

    sock: _HasFileno | None

    def _new_conn(self) -> socket.socket:
        if not _current.limit.may_connect:
            _current.limit.was_gone = True
            raise ConnectTimeoutError(None, "the open connection is gone")
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]  # a mix-in: urllib3's connection comes next
        try:
            _current.limit.watch(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:  # Any: urllib3's own signature, passed through
        if self.sock is not None:
            _current.limit.watch(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]  # as above


class _PlainConnection(_Limited, HTTPConnection):
    pass


class _TlsConnection(_Limited, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
