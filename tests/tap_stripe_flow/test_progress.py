from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest

from stripe_flow.api.errors import KeyRefused, PermissionMissing, StripeUnreachable
from stripe_flow.api.traffic import Traffic
from tap_stripe_flow.listing.record import ChildRecord
from tap_stripe_flow.progress import Progress, not_read, together
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import UnusableState
from tap_stripe_flow.windows.plan import OLDEST, Window

DAY_S = 86_400
END = OLDEST + 1_000 * DAY_S
UP_TO = "replication_key_value"


@dataclass
class Reading:
    """A stream that is being read, with a clock set by the test."""

    end: int | None = END
    now_s: float = 1_000.0  # a monotonic clock begins anywhere
    traffic: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        self.progress = Progress("charges", "acct_1", self.end, self.traffic, lambda: self.now_s)

    def read_window(self, seconds: float, records: int, first: int, last: int, *, until: int | None = None) -> None:
        """Read a window of these days in so many seconds."""
        self.now_s += seconds
        self.traffic.count_request()
        window = Window(start=OLDEST + first * DAY_S, end=OLDEST + last * DAY_S)
        batch = Batch(records=some(records), state={UP_TO: window.end}, window=window, until=until)
        self.progress.add_records(records)
        self.progress.add_batch(batch)


def some(count: int) -> list[ChildRecord]:
    return [ChildRecord(f"ch_{number}", 0, b"{}") for number in range(count)]


def test_the_live_line_has_records_rates_share_and_remaining_time() -> None:
    reading = Reading()
    reading.read_window(1, 0, 0, 500)  # before the first object
    reading.read_window(9, 3_000, 500, 600)
    reading.read_window(10, 3_000, 600, 750)

    assert reading.progress.live_fields() == {
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


def test_empty_years_give_no_estimate() -> None:
    reading = Reading()

    reading.read_window(60, 0, 0, 900)

    assert (reading.progress.live_fields()["done_percent"], reading.progress.live_fields()["left_s"]) == (None, None)


def test_without_a_known_end_there_is_no_share() -> None:
    reading = Reading(end=None)
    reading.read_window(10, 100, 0, 10)
    before = reading.progress.live_fields()["done_percent"]

    reading.read_window(10, 100, 10, 50, until=OLDEST + 100 * DAY_S)

    assert (before, reading.progress.live_fields()["done_percent"]) == (None, 50)


def test_a_window_beyond_the_end_counts_as_complete() -> None:
    reading = Reading()

    reading.read_window(10, 5, 0, 1_200)

    assert (reading.progress.live_fields()["done_percent"], reading.progress.live_fields()["left_s"]) == (100, 0)


def test_records_without_a_window_are_counted() -> None:
    reading = Reading()
    reading.progress.add_records(100)
    reading.progress.add_batch(Batch(records=some(100)))  # children of the first parents of a window

    reading.read_window(10, 5, 0, 10)
    reading.progress.add_records(7)
    reading.progress.add_batch(Batch(records=some(7)))  # a list that is read whole

    assert reading.progress.live_fields()["records"] == reading.progress.summary_fields()["records"] == 112


def test_requests_of_another_stream_are_not_counted() -> None:
    traffic = Traffic()
    traffic.count_request()
    first = Reading(traffic=traffic)
    first.read_window(1, 1, 0, 1)
    first.progress.finish()
    second = Reading(traffic=traffic)
    second.read_window(1, 1, 0, 1)
    second.read_window(1, 1, 1, 2)

    assert [each.progress.summary_fields()["requests"] for each in (first, second)] == [1, 2]


def test_the_reason_for_waiting_is_shown_while_requests_wait() -> None:
    reading = Reading()

    with reading.traffic.waiting("HTTP 429"):
        inside = reading.progress.live_fields()["waiting_for"]

    assert (inside, reading.progress.live_fields()["waiting_for"]) == ("HTTP 429", None)


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
def test_the_summary_names_the_outcome(error: Exception | None, missing: int, state: str) -> None:
    reading = Reading()
    reading.progress.missing = missing

    reading.progress.finish(error)

    assert reading.progress.summary_fields()["state"] == state


def test_a_stream_that_did_not_finish_was_interrupted() -> None:
    assert Reading().progress.summary_fields()["state"] == "interrupted"
    assert not_read("charges", None)["state"] == "not read"


@pytest.mark.parametrize(
    ("bookmark", "up_to"),
    [(0, "1970-01-01T00:00:00Z"), (OLDEST, "2010-01-01T00:00:00Z"), ("soon", None), (None, None), (10**18, None)],
)
def test_a_bookmark_that_is_not_a_time_is_left_out(bookmark: object, up_to: str | None) -> None:
    reading = Reading()

    reading.progress.bookmark = bookmark

    assert reading.progress.summary_fields()["up_to"] == up_to


def test_the_duration_stops_at_the_end() -> None:
    reading = Reading()
    for _ in itertools.repeat(None, 3):
        reading.read_window(1, 1, 0, 1)
    reading.progress.finish()

    reading.now_s += 100

    assert reading.progress.summary_fields()["seconds"] == 3.0


def side_by_side(*names: str) -> tuple[Traffic, list[Reading]]:
    """Streams that are being read at the same time, and what counts the requests of all."""
    whole = Traffic()
    readings = [Reading(traffic=Traffic(whole)) for _ in names]
    for name, reading in zip(names, readings, strict=True):
        reading.progress.stream = name
    return whole, readings


def test_streams_that_are_read_side_by_side_share_the_live_line() -> None:
    whole, readings = side_by_side("charges", "refunds", "payouts", "prices", "plans")
    for number, reading in enumerate(readings):
        reading.read_window(10, 100 * number, 0, 500)
        reading.read_window(10, 100, 500, 750)
    readings[0].progress.finish()

    with readings[1].traffic.waiting("HTTP 429"):
        fields = together([each.progress for each in readings], whole)

    assert fields == {
        "streams": "refunds, payouts, prices and 1 more",
        "accounts": 1,
        "waiting_for": "HTTP 429",
        "records": 1_500,
        "records_per_s": 75,
        "left_s": 7,
        "requests": 10,
        "requests_per_s": 0,
    }


def test_the_remaining_time_of_several_streams_is_known_once_each_is() -> None:
    whole, (first, second) = side_by_side("charges", "refunds")
    first.read_window(10, 100, 0, 500)
    second.read_window(10, 0, 0, 500)

    assert together([first.progress, second.progress], whole)["left_s"] is None


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_one_stream_alone_has_its_own_fields(ended: int) -> None:
    whole, readings = side_by_side("charges", "refunds")
    for reading in readings[:ended]:
        reading.progress.finish()

    fields = together([each.progress for each in readings], whole)

    assert set(fields) & {"stream", "streams"} == {0: {"streams"}, 1: {"stream"}, 2: set()}[ended]
