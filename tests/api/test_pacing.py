from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.pacing import SAVED_S, Bucket, Pacer, endpoint_of


@given(
    rate=st.floats(0.1, 100),
    arrivals=st.lists(st.floats(0, 20), min_size=1, max_size=200).map(sorted),
)
def test_no_span_of_time_holds_more_than_the_rate(rate: float, arrivals: list[float]) -> None:
    bucket = Bucket(rate)

    due = [now + bucket.reserve(now) for now in arrivals]

    assert due == sorted(due)
    for first, start in enumerate(due):
        for last in range(first, len(due)):
            assert last - first <= (due[last] - start + SAVED_S) * rate + 1e-6


def test_a_busy_bucket_uses_the_whole_rate() -> None:
    bucket = Bucket(20)

    waits = [bucket.reserve(0) for _ in range(201)]

    assert 200 / waits[-1] >= 20


def test_a_refusal_for_rate_halves_it_and_success_gives_it_back() -> None:
    bucket = Bucket(10)

    bucket.slow_down(0)
    bucket.slow_down(0.5)  # the same storm
    slow_s = max(bucket.reserve(100) for _ in range(11))
    for _ in range(25):
        bucket.speed_up()
    fast_s = max(bucket.reserve(200) for _ in range(11))

    assert slow_s == pytest.approx(10 / 5 - SAVED_S)
    assert fast_s == pytest.approx(10 / 10 - SAVED_S)


def test_endpoints_and_accounts_do_not_slow_each_other() -> None:
    pacer = Pacer(per_endpoint_per_s=1, total_per_s=1000)

    first = [pacer.reserve(None, "/v1/charges", 0), pacer.reserve(None, "/v1/charges/ch_1", 0)]
    other_endpoint = pacer.reserve(None, "/v1/refunds", 0)
    other_account = pacer.reserve("acct_1", "/v1/charges", 0)

    assert first[1] > 0.8
    assert (first[0], other_account) == (0, 0)
    assert other_endpoint < 0.01


def test_all_endpoints_share_the_total() -> None:
    pacer = Pacer(per_endpoint_per_s=1000, total_per_s=1)

    waits = [pacer.reserve(None, f"/v1/{name}", 0) for name in ("charges", "refunds", "events")]

    assert waits[2] > 1.8


def test_a_pace_of_nought_does_not_wait() -> None:
    pacer = Pacer(per_endpoint_per_s=0, total_per_s=0)

    assert [pacer.reserve(None, "/v1/charges", 0) for _ in range(100)] == [0.0] * 100


def test_everything_below_an_endpoint_counts_against_it() -> None:
    assert endpoint_of("/v1/charges/ch_1/refunds") == endpoint_of("/v1/charges") == "/v1/charges"
