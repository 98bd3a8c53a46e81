"""How far the reading of one stream of one account has come, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable

from stripe_flow.api.traffic import Traffic
from stripe_flow.singer.fields import Fields
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED
from tap_stripe_flow.windows.span import iso

OK, INTERRUPTED, NOT_READ = "ok", "interrupted", "not read"


class Progress:
    """Written by the thread that reads, looked at by any. Times are seconds of `clock`, a monotonic one.

    `records` are those on standard output. `end` is where the range ends (Unix seconds; None: not known until the first
    window). The share that is done is of the time from the first object on: empty years are passed in a moment and
    would promise too much.
    """

    def __init__(
        self, stream: str, account: str | None, end: int | None, traffic: Traffic, clock: Callable[[], float]
    ) -> None:
        self.stream, self.account = stream, account
        self.records = 0
        self.bookmark: object = None
        self.state = INTERRUPTED  # unless it comes to another end
        self.missing = 0
        self._end = end
        self._traffic, self._clock = traffic, clock
        self._begun_s, self._requests_before = clock(), traffic.requests
        self._ended: tuple[float, int] | None = None
        self._first: int | None = None
        self._reached: int | None = None

    def emitted(self, records: int) -> None:
        """So many more are on standard output."""
        self.records += records

    def batch(self, batch: Batch) -> None:
        """It is out, with the state that it brought."""
        if batch.window is not None:
            if self._first is None and self.records:
                self._first = batch.window.start
            self._reached = batch.window.start if batch.state is None else batch.window.end
            self._end = batch.until or self._end
        if batch.state is not None:
            self.bookmark = batch.state.get(LISTED.end, self.bookmark)

    def ended(self, error: Exception | None = None) -> None:
        """Nothing more of it will come."""
        self.state = OK if error is None else f"failed: {in_words(error)}"
        if error is None and self.missing:
            self.state = f"{self.missing} missing"
        self._ended = (self._clock(), self._traffic.requests)

    def now(self) -> Fields:
        """While it is being read."""
        spent_s, requests = self._spent()
        share = self._share()
        return {
            "stream": self.stream,
            "account": self.account,
            "waiting_for": self._traffic.waits_for,
            "records": self.records,
            "records_per_s": _rate(self.records, spent_s),
            "up_to": _shown(self._reached),
            "done_percent": None if share is None else int(100 * share),
            "left_s": round(spent_s * (1 - share) / share) if share else None,
            "requests": requests,
            "requests_per_s": _rate(requests, spent_s),
        }

    def sums(self) -> Fields:
        """Once it is over, one way or another."""
        spent_s, requests = self._spent()
        return {
            "stream": self.stream,
            "account": self.account,
            "records": self.records,
            "requests": requests,
            "up_to": _shown(self.bookmark),
            "seconds": round(spent_s, 1),
            "state": self.state,
        }

    def _spent(self) -> tuple[float, int]:
        now_s, requests = self._ended or (self._clock(), self._traffic.requests)
        return now_s - self._begun_s, requests - self._requests_before

    def _share(self) -> float | None:
        if self._first is None or self._reached is None or self._end is None or self._end <= self._first:
            return None
        return min(1.0, (self._reached - self._first) / (self._end - self._first))


def not_read(stream: str, account: str | None) -> Fields:
    """Of what the run did not come to."""
    return {"stream": stream, "account": account, "records": 0, "requests": 0, "state": NOT_READ}


def in_words(error: Exception) -> str:
    """`PermissionMissing` is `permission missing`: our errors are named after what happened."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _shown(unix: object) -> str | None:
    """Unix seconds as people write them; None for anything else: a state may hold what a person wrote."""
    try:
        return iso(unix) if type(unix) is int else None
    except (ValueError, OverflowError, OSError):
        return None


def _rate(count: int, spent_s: float) -> int:
    return round(count / spent_s) if spent_s else 0
