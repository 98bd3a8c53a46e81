"""A server that sends exactly the bytes of a test, for answers that no well-behaved server sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

DATE = "Tue, 24 Nov 2026 00:00:00 GMT"


def answer(status: int, body: str = "{}", **headers: str) -> bytes:
    """A whole HTTP answer; `Retry_After="1"` becomes `Retry-After: 1`."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body.encode())}", f"Date: {DATE}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Send `said`, then close the connection."""

    said: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Drip:
    """Send `said`, then one byte every `every_s` seconds, 2,000 in all or until the other side disconnects."""

    said: bytes
    every_s: float = 0.05


# A callable gets the request's bytes.
Turn = bytes | Cut | Drip | Callable[[bytes], bytes]

_FINE = answer(200)


@dataclass
class Peer:
    """Answers one request after the other with `turns`; the last one repeats. `heard` keeps the requests' bytes.

    The client's reads of the time, which precede a write, are answered besides and kept in `checks`.
    """

    turns: Sequence[Turn]
    check: Turn = _FINE
    heard: list[bytes] = field(default_factory=list)
    checks: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)  # a connection was closed from this side

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # shutdown first: close alone does not wake a thread that waits in accept
        for sock in [self._listener, *self._open]:
            with _closed_is_fine():
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with _closed_is_fine():
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with _closed_is_fine(), connection:
            while (request := _read_request(connection)) is not None:
                if request.startswith(b"GET /v1/account "):
                    self.checks.append(request)
                    turn = self.check
                else:
                    turn = self.turns[min(len(self.heard), len(self.turns) - 1)]
                    self.heard.append(request)
                if not _say(connection, turn(request) if callable(turn) else turn):
                    break
        self.closed.set()


def _say(connection: socket.socket, turn: bytes | Cut | Drip) -> bool:
    """Whether the connection stays open."""
    match turn:
        case Cut(said=said):
            connection.sendall(said)
            return False
        case Drip(said=said, every_s=every_s):
            connection.sendall(said)
            for _ in range(2000):
                time.sleep(every_s)
                connection.sendall(b"x")
            return False
        case _:
            connection.sendall(turn)
            return True


def _read_request(connection: socket.socket) -> bytes | None:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def _closed_is_fine() -> Iterator[None]:
    """The other side, or the end of the test, may close a socket at any time."""
    try:
        yield
    except OSError:
        return
