"""What arrived and what became of it, for a judge who counts in the server."""

from __future__ import annotations

from collections import deque

import msgspec

# About 100 MB of log at most; older entries go, and `number` shows the gap.
KEPT = 100_000


class Entry(msgspec.Struct):
    """One request. Without a status nothing was answered (yet)."""

    number: int
    time: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    request_id: str
    account: str | None = None
    status: int | None = None
    executed: bool = False
    replayed: bool = False
    faults: list[str] = msgspec.field(default_factory=list)


class RequestLog:
    """The newest requests, in the order in which they arrived."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def next_number(self) -> int:
        self._count += 1
        return self._count
