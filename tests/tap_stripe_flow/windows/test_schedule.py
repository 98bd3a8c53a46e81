"""What a reader has under way, in simulated time: counts, no clocks of this machine."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.listing.memory import MOST_WAITING_BYTES
from tap_stripe_flow.windows.plan import MOST_OBJECTS, OLDEST
from tests.tap_stripe_flow.windows.simulation import OBJECT_BYTES, Simulation

NOW = OLDEST + 16 * 365 * 86_400
DAY_S, DAYS, COUNT = 86_400, 730, 100_000


def even(draw: random.Random, count: int = COUNT) -> Sequence[int]:
    """Charges at any second of two years."""
    return sorted(draw.randrange(NOW - DAYS * DAY_S, NOW) for _ in range(count))


def bursty(draw: random.Random) -> Sequence[int]:
    """A growing shop: nights, weekends, days of sales, and a third of it in billing runs of one or two seconds."""
    hours = [
        2 ** (hour / 24 / 365)
        * (0.1 if hour % 24 < 6 else 1)
        * (1 / 3 if hour // 24 % 7 > 4 else 1)
        * (8 if hour // 24 % 100 == 50 else 1)
        for hour in range(DAYS * 24)
    ]
    begun = draw.choices(range(len(hours)), cum_weights=list(accumulate(hours)), k=2 * COUNT // 3)
    sold = [NOW - DAYS * DAY_S + hour * 3600 + draw.randrange(3600) for hour in begun]
    billed = list[int]()
    while len(sold) + len(billed) < COUNT:
        second = draw.randrange(NOW - DAYS * DAY_S, NOW)
        billed += [second + draw.randrange(2) for _ in range(draw.randint(200, 900))]
    return sorted([*sold, *billed][:COUNT])


PASTS = {"even": even, "bursty": bursty}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("past", "least", "requests"), [("even", 14.5, 1.12), ("bursty", 12, 1.25)])
def test_an_account_keeps_the_threads_busy(past: str, least: float, requests: float, seed: int) -> None:
    """Of 16 threads; `requests` is the most for each hundred objects."""
    simulation = Simulation(PASTS[past](random.Random(seed)), OLDEST, NOW).run()

    assert simulation.average >= least
    assert len(simulation.log) <= requests * COUNT / 100
    assert simulation.most_taken <= MOST_WAITING_BYTES + simulation.threads * MOST_OBJECTS * OBJECT_BYTES // 2


def test_a_rate_is_used_from_the_first_pages_to_the_last() -> None:
    seconds = even(random.Random(1), 60_000)

    simulation = Simulation(seconds, OLDEST, NOW, latency_s=0.3, per_s=25).run()

    assert (len(simulation.log) - 1) / (simulation.now - simulation.latency_s) >= 0.98 * 25


# A window that is cut keeps its newest part, and the oldest of the windows cut from the rest may be cut again. Each is
# an eighth as wide as the one before, down to a second.
LEVELS = 11
stretches = st.tuples(st.integers(1, 3_000_000), st.integers(0, 1_500), st.sampled_from([1, 10, 10_000]))


@pytest.mark.promise("tap 1", "Any density is read once and in order within any budget of memory")
@settings(deadline=None)
@given(
    stretches=st.lists(stretches, max_size=12),
    threads=st.sampled_from([1, 2, 16]),
    most_bytes=st.sampled_from([0, 200_000, MOST_WAITING_BYTES]),
)
def test_every_object_is_read_once_and_in_order(
    stretches: list[tuple[int, int, int]], threads: int, most_bytes: int
) -> None:
    """`stretches` are quiet seconds, then some objects, spread over this many seconds."""
    seconds, at = list[int](), OLDEST
    for quiet_s, count, wide_s in stretches:
        seconds += sorted(at + quiet_s + number % wide_s for number in range(count))
        at += quiet_s + wide_s

    simulation = Simulation(seconds, OLDEST, at + 1, threads=threads, most_bytes=most_bytes).run()

    windows = [window for window, _ in simulation.windows]
    assert (windows[0].start, windows[-1].end) == (OLDEST, at + 1)
    assert all(left.end == right.start for left, right in pairwise(windows))
    at_second = Counter(seconds)
    for window, count in simulation.windows:
        if window.seconds > 1:
            assert count == sum(at_second[second] for second in at_second if window.start <= second < window.end)
        assert count <= MOST_OBJECTS + 100
    assert simulation.most_taken <= most_bytes + LEVELS * (MOST_OBJECTS + 100) * OBJECT_BYTES
