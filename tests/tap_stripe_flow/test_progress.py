from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest

from stripe_flow.api.errors import KeyRefused, PermissionMissing, StripeUnreachable
from stripe_flow.api.traffic import Traffic
from tap_stripe_flow.listing.record import ChildRecord
from tap_stripe_flow.progress import Progress, not_read
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import UnusableState
from tap_stripe_flow.windows.plan import OLDEST, Window

DAY_S = 86_400
END = OLDEST + 1_000 * DAY_S
UP_TO = "replication_key_value"


@dataclass
class Reading:
    """One that takes as long as it is told."""

    end: int | None = END
    now_s: float = 1_000.0  # a monotonic clock begins anywhere
    traffic: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        self.progress = Progress("charges", "acct_1", self.end, self.traffic, lambda: self.now_s)

    def goes_on(self, seconds: float, records: int, first: int, last: int, *, until: int | None = None) -> None:
        """A window of these days."""
        self.now_s += seconds
        self.traffic.count_request()
        window = Window(start=OLDEST + first * DAY_S, end=OLDEST + last * DAY_S)
        batch = Batch(records=some(records), state={UP_TO: window.end}, window=window, until=until)
        self.progress.emitted(records)
        self.progress.batch(batch)


def some(count: int) -> list[ChildRecord]:
    return [ChildRecord(f"ch_{number}", 0, b"{}") for number in range(count)]


def test_records_rates_share_and_what_is_left_are_told() -> None:
    reading = Reading()
    reading.goes_on(1, 0, 0, 500)  # before the first object
    reading.goes_on(9, 3_000, 500, 600)
    reading.goes_on(10, 3_000, 600, 750)

    assert reading.progress.now() == {
        "stream": "charges",
        "account": "acct_1",
        "waiting_for": None,
        "records": 6_000,
        "records_per_s": 300,
        "up_to": "2012-01-21T00:00:00Z",
        "done_percent": 50,
        "left_s": 20,
        "requests": 3,
        "requests_per_s": 0,
    }


def test_empty_years_promise_nothing() -> None:
    reading = Reading()

    reading.goes_on(60, 0, 0, 900)

    assert (reading.progress.now()["done_percent"], reading.progress.now()["left_s"]) == (None, None)


def test_without_a_known_end_there_is_no_share() -> None:
    reading = Reading(end=None)
    reading.goes_on(10, 100, 0, 10)
    before = reading.progress.now()["done_percent"]

    reading.goes_on(10, 100, 10, 50, until=OLDEST + 100 * DAY_S)

    assert (before, reading.progress.now()["done_percent"]) == (None, 50)


def test_a_window_behind_the_end_is_all_there_is() -> None:
    reading = Reading()

    reading.goes_on(10, 5, 0, 1_200)

    assert (reading.progress.now()["done_percent"], reading.progress.now()["left_s"]) == (100, 0)


def test_records_that_come_without_a_window_count_too() -> None:
    reading = Reading()
    reading.progress.emitted(100)
    reading.progress.batch(Batch(records=some(100)))  # parts of the first objects of a window

    reading.goes_on(10, 5, 0, 10)
    reading.progress.emitted(7)
    reading.progress.batch(Batch(records=some(7)))  # a list that is read whole

    assert reading.progress.now()["records"] == reading.progress.sums()["records"] == 112


def test_what_is_asked_for_before_is_not_counted_again() -> None:
    traffic = Traffic()
    traffic.count_request()
    first = Reading(traffic=traffic)
    first.goes_on(1, 1, 0, 1)
    first.progress.ended()
    second = Reading(traffic=traffic)
    second.goes_on(1, 1, 0, 1)
    second.goes_on(1, 1, 1, 2)

    assert [each.progress.sums()["requests"] for each in (first, second)] == [1, 2]


def test_why_requests_wait_is_told_while_they_do() -> None:
    reading = Reading()

    with reading.traffic.waiting("HTTP 429"):
        inside = reading.progress.now()["waiting_for"]

    assert (inside, reading.progress.now()["waiting_for"]) == ("HTTP 429", None)


@pytest.mark.parametrize(
    ("error", "missing", "state"),
    [
        (None, 0, "ok"),
        (None, 2, "2 missing"),
        (PermissionMissing("no"), 0, "failed: permission missing"),
        (KeyRefused("no"), 0, "failed: key refused"),
        (StripeUnreachable("no"), 1, "failed: stripe unreachable"),
        (UnusableState("no"), 0, "failed: unusable state"),
    ],
    ids=str,
)
def test_how_it_ended_is_said_in_few_words(error: Exception | None, missing: int, state: str) -> None:
    reading = Reading()
    reading.progress.missing = missing

    reading.progress.ended(error)

    assert reading.progress.sums()["state"] == state


def test_what_comes_to_no_end_was_interrupted() -> None:
    assert Reading().progress.sums()["state"] == "interrupted"
    assert not_read("charges", None)["state"] == "not read"


@pytest.mark.parametrize(
    ("bookmark", "up_to"),
    [(0, "1970-01-01T00:00:00Z"), (OLDEST, "2010-01-01T00:00:00Z"), ("soon", None), (None, None), (10**18, None)],
)
def test_a_bookmark_that_is_no_time_is_not_told(bookmark: object, up_to: str | None) -> None:
    reading = Reading()

    reading.progress.bookmark = bookmark

    assert reading.progress.sums()["up_to"] == up_to


def test_time_stands_still_once_it_has_ended() -> None:
    reading = Reading()
    for _ in itertools.repeat(None, 3):
        reading.goes_on(1, 1, 0, 1)
    reading.progress.ended()

    reading.now_s += 100

    assert reading.progress.sums()["seconds"] == 3.0
