"""The request rates that the settings give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.connection import Mode
from stripe_flow.api.settings import STRIPES_TOTAL_PER_S, TOTAL_PER_S, open_connection, rates

CONNECTION = open_connection({"api_key": "sk_test_sandbox"})


@given(
    runs=st.integers(min_value=1, max_value=1000),
    per_s=st.floats(min_value=0.01, max_value=100),
    total_per_s=st.floats(min_value=0.01, max_value=100),
)
def test_runs_at_once_share_the_rate_of_one_run(runs: int, per_s: float, total_per_s: float) -> None:
    settings = {"max_requests_per_second": per_s, "max_requests_per_second_total": total_per_s}

    share, total_share = rates(settings | {"runs_at_once": runs}, CONNECTION)

    assert abs(share * runs - per_s) < 1e-6
    assert abs(total_share * runs - total_per_s) < 1e-6


def test_the_default_rate_is_shared_too() -> None:
    assert rates({"runs_at_once": 4}, CONNECTION) == (5, TOTAL_PER_S[CONNECTION.key.mode] / 4)


@pytest.mark.promise("tap 6", "Half of a live account's rate stays the shop's own")
def test_half_of_the_rate_of_a_live_account_stays_the_shops_own() -> None:
    _, total = rates({}, open_connection({"api_key": "sk_live_sandbox"}))

    assert total == STRIPES_TOTAL_PER_S[Mode.LIVE] / 2
