"""Slices tile each range for any data, cost few samples, and are about equal work."""

from __future__ import annotations

import bisect
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.slices.plan import SAMPLES_PER_SLICE, SLICES_PER_WORKER, Sample, Slice, plan_slices
from stripe_flow_sandbox.past import past as sandbox
from tap_stripe_flow.windows.plan import OLDEST, Window

DAY_S = 86_400
PAGE = 100
END = 1_800_000_000


class Past:
    """The objects of accounts, as pages like Stripe's; counts its samples."""

    def __init__(self, created: Mapping[str, Sequence[int]]) -> None:
        self._created = {account: sorted(times) for account, times in created.items()}
        self.samples = 0

    def sample(self, account: str, window: Window) -> Sample:
        self.samples += 1
        times = self._created[account]
        first, last = (bisect.bisect_left(times, at) for at in (window.start, window.end))
        return Sample(created=times[max(first, last - PAGE) : last][::-1], has_more=last - first > PAGE)

    def count_of(self, piece: Slice) -> int:
        times = self._created[piece.account]
        return bisect.bisect_left(times, piece.window.end) - bisect.bisect_left(times, piece.window.start)


accounts = st.dictionaries(
    st.sampled_from(["acct_1", "acct_2", "acct_3"]),
    st.lists(st.integers(0, 5_000) | st.integers(4_000, 4_050), max_size=700),
    min_size=1,
)


@given(accounts, st.integers(1, 40), st.integers(0, 3_000), st.integers(1, 4_000))
def test_the_slices_of_each_account_tile_its_range(
    created: dict[str, list[int]], slices: int, start: int, seconds: int
) -> None:
    past, whole = Past(created), Window(start=start, end=start + seconds)

    found = plan_slices(dict.fromkeys(created, whole), slices, past.sample)

    for account in created:
        windows = [each.window for each in found if each.account == account]
        assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
        assert all(one.end == next_one.start for one, next_one in pairwise(windows))
    assert past.samples <= SAMPLES_PER_SLICE * max(slices, len(created))
    assert len(found) <= slices + len(created)


@given(accounts, st.integers(1, 40))
def test_counts_are_exact_where_pages_show_all_objects(created: dict[str, list[int]], slices: int) -> None:
    """One page shows all objects of an account, so nothing is estimated."""
    few = {account: times[:PAGE] for account, times in created.items()}
    past = Past(few)

    found = plan_slices(dict.fromkeys(few, Window(start=0, end=6_000)), slices, past.sample)

    assert past.samples == len(few)
    assert sum(each.count for each in found) == pytest.approx(sum(map(len, few.values())))


@pytest.mark.parametrize("days", range(0, 400, 10))
def test_the_estimated_objects_are_about_right_on_any_date(days: int) -> None:
    """The range starts on a fixed day and ends now, so each date cuts it elsewhere; one account has a burst."""
    now = END + days * DAY_S + days * 997
    held = {"acct_1": sandbox.Past("1", 3_000, 60, now), "acct_2": sandbox.Past("2", 300, 5, now)}
    past = Past({account: of.created for account, of in held.items()})

    found = plan_slices(dict.fromkeys(held, Window(start=OLDEST, end=now)), 2 * SLICES_PER_WORKER, past.sample)

    assert sum(each.count for each in found) == pytest.approx(3_300, rel=0.2)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_a_page_within_one_second_does_not_inflate_the_estimate(at: float) -> None:
    steady = [END - 60 * DAY_S + number * 1_728 for number in range(3_000)]
    past = Past({"acct_1": [*steady, *[steady[round(at * 2_999)]] * 200]})

    found = plan_slices({"acct_1": Window(start=OLDEST, end=END)}, 2 * SLICES_PER_WORKER, past.sample)

    assert sum(each.count for each in found) == pytest.approx(3_200, rel=0.2)


YEARS_S = 5 * 365 * DAY_S


def growing(draw: random.Random) -> int:
    return END - 1 - min(YEARS_S, int(draw.expovariate(1 / (90 * DAY_S))))


def in_office_hours(draw: random.Random) -> int:
    day = END - draw.randrange(1, YEARS_S // DAY_S) * DAY_S
    return day - day % DAY_S + draw.randrange(9 * 3600, 17 * 3600)


def in_sales(draw: random.Random) -> int:
    """Every 50th day has 80 % of the objects."""
    day = draw.randrange(YEARS_S // DAY_S)
    day -= day % 50 if draw.random() < 0.8 else 0
    return END - YEARS_S + day * DAY_S + draw.randrange(DAY_S)


def mostly_long_ago(draw: random.Random) -> int:
    return END - YEARS_S + int(draw.random() ** 3 * YEARS_S)


@pytest.mark.parametrize("skew", [growing, in_office_hours, in_sales, mostly_long_ago])
@pytest.mark.parametrize("accounts", [1, 3])
def test_of_four_workers_on_a_skewed_account_the_slowest_reads_little_more_than_the_mean(
    skew: object, accounts: int
) -> None:
    """Each worker takes the next slice when it has read one. Of several accounts the first has nearly all objects."""
    assert callable(skew)
    draw, workers = random.Random(7), 4
    created = {f"acct_{number}": [skew(draw) for _ in range(100_000 // 30**number)] for number in range(accounts)}
    past = Past(created)

    found = plan_slices(dict.fromkeys(created, Window(start=OLDEST, end=END)), workers * SLICES_PER_WORKER, past.sample)

    read = [0] * workers
    for each in found:
        read[read.index(min(read))] += past.count_of(each)
    assert sum(read) == sum(map(len, created.values()))
    assert max(read) <= 1.3 * sum(read) / workers
    assert past.samples <= SAMPLES_PER_SLICE * len(found)
