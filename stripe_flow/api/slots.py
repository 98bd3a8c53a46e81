"""The connections to Stripe: one for each thread, or a pool that limits how many requests are in flight."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from requests.adapters import HTTPAdapter

from stripe_flow.api.line import Line


@dataclass(kw_only=True, eq=False)
class OpenConnection:
    """A connection that carries one request at a time.

    `is_open`: it has answered its last request and stayed open. `answered_at_s` is the time of that answer, by
    `elapsed_s`.
    """

    adapter: HTTPAdapter | None = None
    is_open: bool = False
    answered_at_s: float = -math.inf


class Slots:
    """At most `most` connections, each used by one thread at a time; the one used last is used first."""

    def __init__(self, most: int) -> None:
        self._line = Line(most)
        self._idle: list[OpenConnection] = []

    @contextmanager
    def slot(self, stopping: threading.Event) -> Iterator[OpenConnection | None]:
        """A connection of the caller's own inside the block; None if the run is stopping before there is one."""
        with self._line.permit(stopping) as has_permit:
            if not has_permit:
                yield None
                return
            connection = self._take()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    def _take(self) -> OpenConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return OpenConnection()
