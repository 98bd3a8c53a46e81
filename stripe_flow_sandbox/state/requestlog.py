"""The request log: every request and its outcome, for tests that count requests on the server's side."""

from __future__ import annotations

from collections import deque

import msgspec

# Keeps the log below about 100 MB. Older entries are dropped; `number` shows the gap.
KEPT = 100_000


class Entry(msgspec.Struct):
    """One request. `status` is None until it is answered."""

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
    """The newest `KEPT` requests, in the order in which they arrived."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def next_number(self) -> int:
        """The number of the next request, from 1."""
        self._count += 1
        return self._count
