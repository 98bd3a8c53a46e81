"""The sandbox's clock: it runs at the usual rate and can be moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate


class Clock:
    """Unix seconds, counted from the second that the clock was last set to."""

    def __init__(self, start: int | None, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Start at `start`, in Unix seconds; None for this machine's time."""
        self._monotonic_s = monotonic_s
        self._offset_s = (time.time() if start is None else start) - monotonic_s()

    def now(self) -> int:
        """Unix time in whole seconds, like all of Stripe's timestamps."""
        return int(self._monotonic_s() + self._offset_s)

    def move_to(self, unix: int) -> int:
        """Set the clock; returns the jump in seconds (negative: back)."""
        jump_s = unix - self.now()
        self._offset_s = unix - self._monotonic_s()
        return jump_s

    def http_date(self) -> str:
        """Now, as the `Date` header spells it."""
        return formatdate(self.now(), usegmt=True)
