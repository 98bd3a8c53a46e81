"""The progress of one stream of one account, and how reading it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stripe_flow.api.traffic import Traffic
from stripe_flow.singer.fields import Fields
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED
from tap_stripe_flow.windows.span import iso

OK, INTERRUPTED, NOT_READ = "ok", "interrupted", "not read"
# How many streams the live line names.
MOST_STREAMS = 3


class Progress:
    """Counts records and requests of one stream and account. One thread updates it, any thread may read it.

    - `records` is how many records are on standard output.
    - `end` is the end of the range in Unix seconds; None: not known until the first window.
    - `clock` returns monotonic seconds.

    The percentage counts time from the first object on: empty years are read in a moment, and would make the estimate
    of the remaining time much too short.
    """

    def __init__(
        self, stream: str, account: str | None, end: int | None, traffic: Traffic, clock: Callable[[], float]
    ) -> None:
        self.stream, self.account = stream, account
        self.records = 0
        self.bookmark: object = None
        self.state = INTERRUPTED  # until `finish` is called
        self.missing = self.refused = 0
        self._end = end
        self._traffic, self._clock = traffic, clock
        self._started_s, self._requests_before = clock(), traffic.requests
        self._finished: tuple[float, int] | None = None
        self._first: int | None = None
        self._reached: int | None = None

    def add_records(self, count: int) -> None:
        """Count records that were written to standard output."""
        self.records += count

    def add_batch(self, batch: Batch) -> None:
        """Note a batch whose records and state were written."""
        if batch.window is not None:
            if self._first is None and self.records:
                self._first = batch.window.start
            self._reached = batch.window.start if batch.state is None else batch.window.end
            self._end = batch.until or self._end
        if batch.state is not None:
            self.bookmark = batch.state.get(LISTED.end, self.bookmark)

    @property
    def has_ended(self) -> bool:
        """Whether reading has ended."""
        return self._finished is not None

    def finish(self, error: BaseException | None = None) -> None:
        """Note the end, with `error` if reading failed."""
        self.state = OK if error is None else f"failed: {in_words(error)}"
        if error is None and (self.missing or self.refused):
            counts = {"missing": self.missing, "refused": self.refused}
            self.state = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        self._finished = (self._clock(), self._traffic.requests)

    @property
    def spent_s(self) -> float:
        """Seconds since reading began, up to its end."""
        return self._spent()[0]

    @property
    def left_s(self) -> int | None:
        """Estimated seconds until everything is read; None: not known."""
        share = self._share()
        return round(self.spent_s * (1 - share) / share) if share else None

    def live_fields(self) -> Fields:
        """The fields of the live line, while the stream is being read."""
        spent_s, requests = self._spent()
        share = self._share()
        return {
            "stream": self.stream,
            "account": self.account,
            "waiting_for": self._traffic.waits_for,
            "records": self.records,
            "records_per_s": _rate(self.records, spent_s),
            "up_to": _iso_or_none(self._reached),
            "done_percent": None if share is None else int(100 * share),
            "left_s": self.left_s,
            "requests": requests,
            "requests_per_s": _rate(requests, spent_s),
        }

    def summary_fields(self) -> Fields:
        """The fields of the summary, after the stream was read."""
        spent_s, requests = self._spent()
        return {
            "stream": self.stream,
            "account": self.account,
            "records": self.records,
            "requests": requests,
            "up_to": _iso_or_none(self.bookmark),
            "seconds": round(spent_s, 1),
            "state": self.state,
        }

    def _spent(self) -> tuple[float, int]:
        now_s, requests = self._finished or (self._clock(), self._traffic.requests)
        return now_s - self._started_s, requests - self._requests_before

    def _share(self) -> float | None:
        if self._first is None or self._reached is None or self._end is None or self._end <= self._first:
            return None
        return min(1.0, (self._reached - self._first) / (self._end - self._first))


def together(started: Sequence[Progress], traffic: Traffic) -> Fields:
    """The fields of the live line for all streams and accounts of a run that were started; empty if none is being read.

    `traffic` counts the requests of the run. One that is read alone has its own fields.
    """
    reading = [each for each in started if not each.has_ended]
    if len(reading) < 2:
        return reading[0].live_fields() if reading else {}
    spent_s = max(each.spent_s for each in started)
    records = sum(each.records for each in started)
    left_s = [left_s for each in reading if (left_s := each.left_s) is not None]  # it may change meanwhile
    names = list(dict.fromkeys(each.stream for each in reading))
    return {
        "streams": ", ".join(names[:MOST_STREAMS])
        + (f" and {len(names) - MOST_STREAMS} more" if names[MOST_STREAMS:] else ""),
        "accounts": len({each.account for each in reading}) if reading[0].account else None,
        "waiting_for": traffic.waits_for,
        "records": records,
        "records_per_s": _rate(records, spent_s),
        "left_s": max(left_s) if len(left_s) == len(reading) else None,
        "requests": traffic.requests,
        "requests_per_s": _rate(traffic.requests, spent_s),
    }


def not_read(stream: str, account: str | None) -> Fields:
    """The summary fields of a stream and account that the run did not start to read."""
    return {"stream": stream, "account": account, "records": 0, "requests": 0, "state": NOT_READ}


def in_words(error: BaseException) -> str:
    """The class name of an error as words: `PermissionMissing` is `permission missing`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _iso_or_none(unix: object) -> str | None:
    """Unix seconds as ISO 8601; None for anything else, since a user may have written the state."""
    try:
        return iso(unix) if type(unix) is int else None
    except (ValueError, OverflowError, OSError):
        return None


def _rate(count: int, spent_s: float) -> int:
    return round(count / spent_s) if spent_s else 0
