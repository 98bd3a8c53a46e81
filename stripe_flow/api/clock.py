"""Stripe's time. This machine's clock may be wrong by days, so nothing depends on it."""

from __future__ import annotations

import functools
import threading
import time
from email.utils import parsedate_to_datetime

# `elapsed_s` reads this clock: where there is one that also runs while the machine is suspended, that one.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# A larger difference means that the machine slept or its monotonic clock stopped: the clock is set again.
DRIFT_S = 60


def elapsed_s() -> float:
    """Seconds of a clock that never goes back. On Linux it also runs while the machine is suspended."""
    return time.clock_gettime(_ELAPSED)


@functools.lru_cache(maxsize=16)  # answers of the same second have the same header
def parse_date(header: str | None) -> int | None:
    """Unix seconds of a `Date` header; None if it is missing or not a date."""
    if header is None:
        return None
    try:
        return int(parsedate_to_datetime(header).timestamp())
    except (ValueError, OverflowError):
        return None


class StripeClock:
    """A `Date` that Stripe sent plus the monotonic seconds since; set again when the two differ by over `DRIFT_S`."""

    def __init__(self) -> None:
        self._anchor: tuple[int, float] | None = None
        self._lock = threading.Lock()

    def observe(self, date_unix: int, monotonic_s: float) -> None:
        """Set the clock by an answer's `Date`, in Unix seconds, if it is not set or has drifted."""
        with self._lock:
            known = self._read(monotonic_s)
            if known is None or abs(date_unix - known) > DRIFT_S:
                self._anchor = (date_unix, monotonic_s)

    def now_unix(self, monotonic_s: float) -> float | None:
        """Stripe's time in Unix seconds; None before Stripe's first answer."""
        with self._lock:
            return self._read(monotonic_s)

    def _read(self, monotonic_s: float) -> float | None:
        if self._anchor is None:
            return None
        date_unix, at_s = self._anchor
        return date_unix + (monotonic_s - at_s)
