"""How far a long backfill has come, told on stderr now and then."""

from __future__ import annotations

from collections.abc import Callable

from tap_stripe_flow.windows import Window

EVERY_S = 10.0


class Progress:
    """One stream of one account, read up to `end` (Unix seconds; None: not known until the first window).

    Times are monotonic seconds. The share is that of the time from the first object on: empty years are passed in a
    moment and would promise too much.
    """

    def __init__(self, what: str, end: int | None, now_s: float, tell: Callable[[str], None]) -> None:
        self._what = what
        self._end = end
        self._begun_s = self._told_s = now_s
        self._tell = tell
        self._first: int | None = None
        self.records = 0

    def window(self, window: Window, records: int, now_s: float) -> None:
        """These are out."""
        self.records += records
        if self._first is None and records:
            self._first = window.start
        if self._first is not None and now_s - self._told_s >= EVERY_S:
            self._told_s = now_s
            self._tell(self._words(window.end - self._first, now_s))

    def aim(self, end: int) -> None:
        """The range ends here."""
        self._end = end

    def _words(self, done_s: int, now_s: float) -> str:
        spent_s = now_s - self._begun_s
        words = f"{self._what}: {self.records} records so far, {self.records / spent_s:.0f} a second"
        if self._end is None or self._first is None or self._end <= self._first:
            return words
        share = min(1.0, done_s / (self._end - self._first))
        return f"{words}, {share:.0%} of the time range, about {_span(spent_s * (1 - share) / share)} left"


def _span(seconds: float) -> str:
    """Two leading units at most: `3 h 20 min`, `45 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
