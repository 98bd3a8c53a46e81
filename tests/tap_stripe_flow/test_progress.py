from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.progress import EVERY_S, Progress
from tap_stripe_flow.windows import OLDEST, Window

DAY_S = 86_400
BEGUN_S = 1_000.0  # a monotonic clock begins anywhere
END = OLDEST + 1_000 * DAY_S


def a_progress(told: list[str], end: int | None = END) -> Progress:
    return Progress("stream charges", end, BEGUN_S, told.append)


def days(first: int, last: int) -> Window:
    return Window(start=OLDEST + first * DAY_S, end=OLDEST + last * DAY_S)


def test_a_short_run_tells_nothing() -> None:
    told: list[str] = []
    progress = a_progress(told)

    for second in range(int(EVERY_S)):
        progress.window(days(second, second + 1), 500, BEGUN_S + second)

    assert told == []


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_a_long_run_tells_something_every_ten_seconds(waits_s: list[float]) -> None:
    told: list[str] = []
    progress, now_s = a_progress(told), BEGUN_S

    for number, wait_s in enumerate(waits_s):
        now_s += wait_s
        progress.window(days(number, number + 1), 1, now_s)

    spent_s = now_s - BEGUN_S
    assert int(spent_s / (EVERY_S + 5)) <= len(told) <= spent_s / EVERY_S


def test_records_rate_share_and_what_is_left_are_told() -> None:
    told: list[str] = []
    progress = a_progress(told)
    progress.window(days(0, 500), 0, BEGUN_S + 1)  # before the first object

    progress.window(days(500, 600), 3_000, BEGUN_S + 10)
    progress.window(days(600, 750), 3_000, BEGUN_S + 20)

    assert told == [
        "stream charges: 3000 records so far, 300 a second, 20% of the time range, about 40 s left",
        "stream charges: 6000 records so far, 300 a second, 50% of the time range, about 20 s left",
    ]


def test_empty_years_promise_nothing() -> None:
    told: list[str] = []
    progress = a_progress(told)

    progress.window(days(0, 900), 0, BEGUN_S + 60)

    assert told == []


def test_without_a_known_end_there_is_no_share() -> None:
    told: list[str] = []
    progress = a_progress(told, end=None)
    progress.window(days(0, 10), 100, BEGUN_S + 10)

    progress.aim(OLDEST + 100 * DAY_S)
    progress.window(days(10, 50), 100, BEGUN_S + 20)

    assert told == [
        "stream charges: 100 records so far, 10 a second",
        "stream charges: 200 records so far, 10 a second, 50% of the time range, about 20 s left",
    ]


@pytest.mark.parametrize(
    ("left_s", "words"), [(45, "45 s"), (59, "59 s"), (300, "5 min"), (3 * 3600 + 20 * 60, "3 h 20 min")]
)
def test_what_is_left_is_said_in_two_units_at_most(left_s: int, words: str) -> None:
    told: list[str] = []
    progress = a_progress(told)

    progress.window(days(0, 500), 1, BEGUN_S + left_s)  # half of it took as long as the other half will

    assert told[0].endswith(f"about {words} left")


def test_a_window_behind_the_end_is_all_there_is() -> None:
    told: list[str] = []

    a_progress(told).window(days(0, 1_200), 5, BEGUN_S + 10)

    assert "100% of the time range, about 0 s left" in told[0]
