"""The timeline: the finest unit with few enough bars, and every attempt is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.report.times import MOST_BARS, build_timeline, format_time

COUNTS = st.dictionaries(st.tuples(st.none() | st.integers(-(2**40), 2**40), st.sampled_from("ab")), st.integers(1, 9))
NEAR = st.dictionaries(st.tuples(st.integers(14_000, 37_000), st.sampled_from("ab")), st.integers(1, 9))


@given(COUNTS | NEAR)
def test_every_attempt_is_in_one_bar_or_has_no_time(counts: dict[tuple[int | None, str], int]) -> None:
    made = build_timeline(counts)

    assert sum(sum(bucket.counts.values()) for bucket in made.buckets) + made.undated == sum(counts.values())


@given(NEAR)
def test_bars_are_few_and_in_order_and_none_is_left_out(counts: dict[tuple[int | None, str], int]) -> None:
    made = build_timeline(counts)

    labels = [bucket.label for bucket in made.buckets]
    assert labels == sorted(set(labels))
    assert len(labels) <= MOST_BARS


@pytest.mark.parametrize(
    ("last", "unit", "bars"),
    [(0, "day", 1), (59, "day", 60), (60, "week", 10), (400, "week", 58), (430, "month", 15), (4000, "year", 12)],
)
def test_a_longer_time_has_longer_bars(last: int, unit: str, bars: int) -> None:
    made = build_timeline({(20_000, "a"): 1, (20_000 + last, "a"): 1})

    assert (made.unit, len(made.buckets)) == (unit, bars)


@pytest.mark.parametrize(("day", "label"), [(14_610, "2010-01-01"), (20_000, "2024-10-04")])
def test_days_are_in_utc(day: int, label: str) -> None:
    assert [bucket.label for bucket in build_timeline({(day, "a"): 1}).buckets] == [label]


@pytest.mark.parametrize(
    ("unix", "said"), [(None, ""), (0, ""), (1_700_000_000, "2023-11-14 22:13 UTC"), (2**50, ""), (-1, "")]
)
def test_an_impossible_time_is_empty(unix: int | None, said: str) -> None:
    assert format_time(unix) == said
