from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.throttle import BURST_S, Throttle, endpoint_of

ENDPOINTS = ("/v1/charges", "/v1/customers", "/v1/refunds")


def most_over(moments: list[float], rate: float) -> float:
    """By how many requests the fullest span of time exceeds the rate plus the burst that is allowed before it."""
    ordered = sorted(moments)
    return max(
        last - first - (ordered[last] - ordered[first] + BURST_S) * rate
        for first in range(len(ordered))
        for last in range(first, len(ordered))
    )


@pytest.mark.promise("tap 6", "No span of time holds more requests than the configured rate")
@given(
    per_endpoint=st.floats(0.1, 20),
    total=st.floats(0.1, 40),
    arrivals=st.lists(st.tuples(st.floats(0, 4), st.sampled_from(ENDPOINTS)), min_size=1, max_size=80).map(sorted),
)
def test_no_span_of_time_holds_more_than_either_rate(
    per_endpoint: float, total: float, arrivals: list[tuple[float, str]]
) -> None:
    throttle = Throttle(per_endpoint_per_s=per_endpoint, total_per_s=total)

    sent = [(now + throttle.reserve(None, path, now), path) for now, path in arrivals]

    assert most_over([moment for moment, _ in sent], total) <= 1e-3
    for endpoint in {path for _, path in sent}:
        assert most_over([moment for moment, path in sent if path == endpoint], per_endpoint) <= 1e-3


def test_a_storm_on_one_endpoint_leaves_no_token_of_the_total_unused_or_used_twice() -> None:
    throttle = Throttle(per_endpoint_per_s=5, total_per_s=20)

    sent = [throttle.reserve(None, "/v1/customers", 0) for _ in range(16)]
    for tick in range(4, 16):
        now = tick / 5
        sent += [
            now + throttle.reserve(None, f"/v1/{name}", now) for name in ("charges", "products", "prices", "refunds")
        ]

    assert most_over(sent, 20) <= 1e-3
    assert max(sent) < 4


def one_endpoint(rate: float) -> Throttle:
    return Throttle(per_endpoint_per_s=rate, total_per_s=0)


def test_a_busy_bucket_uses_the_whole_rate() -> None:
    throttle = one_endpoint(20)

    waits = [throttle.reserve(None, "/v1/charges", 0) for _ in range(201)]

    assert 200 / waits[-1] >= 20


@pytest.mark.promise("tap 6", "A 429 halves the rate, and successes restore it")
def test_a_429_halves_the_rate_and_successes_restore_it() -> None:
    throttle = one_endpoint(10)

    throttle.slow_down(None, "/v1/charges", 0)
    throttle.slow_down(None, "/v1/charges", 0.5)  # less than a second later: the same storm
    slow_s = max(throttle.reserve(None, "/v1/charges", 100) for _ in range(11))
    for _ in range(25):
        throttle.speed_up(None, "/v1/charges")
    fast_s = max(throttle.reserve(None, "/v1/charges", 200) for _ in range(11))

    assert slow_s == pytest.approx(10 / 5 - BURST_S)
    assert fast_s == pytest.approx(10 / 10 - BURST_S)


@pytest.mark.promise("tap 6", "Endpoints and accounts do not slow each other")
def test_endpoints_and_accounts_do_not_slow_each_other() -> None:
    throttle = Throttle(per_endpoint_per_s=1, total_per_s=1000)

    first = [throttle.reserve(None, "/v1/charges", 0), throttle.reserve(None, "/v1/charges/ch_1", 0)]
    other_endpoint = throttle.reserve(None, "/v1/refunds", 0)
    other_account = throttle.reserve("acct_1", "/v1/charges", 0)

    assert first[1] > 0.8
    assert (first[0], other_account) == (0, 0)
    assert other_endpoint < 0.01


def test_all_endpoints_share_the_total() -> None:
    throttle = Throttle(per_endpoint_per_s=1000, total_per_s=1)

    waits = [throttle.reserve(None, f"/v1/{name}", 0) for name in ("charges", "refunds", "events")]

    assert waits[2] > 1.8


def test_a_rate_of_zero_does_not_wait() -> None:
    throttle = Throttle(per_endpoint_per_s=0, total_per_s=0)

    assert [throttle.reserve(None, "/v1/charges", 0) for _ in range(100)] == [0.0] * 100


def test_requests_below_an_endpoint_count_against_it() -> None:
    assert endpoint_of("/v1/charges/ch_1/refunds") == endpoint_of("/v1/charges") == "/v1/charges"
