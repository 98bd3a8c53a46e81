from __future__ import annotations

import pytest

from stripe_flow.api.retry import SHORTEST_READ_S, RetryBudget, may_resend

EVERY_STATUS = [None, *range(300, 600)]


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("stripe_says", [True, False, None])
def test_a_decline_is_never_sent_again(*, is_read: bool, stripe_says: bool | None) -> None:
    assert not may_resend(402, stripe_says=stripe_says, is_read=is_read)


@pytest.mark.parametrize("http_status", [http_status for http_status in EVERY_STATUS if http_status != 402])
def test_stripes_own_word_decides_over_the_table(http_status: int | None) -> None:
    for is_read in (True, False):
        assert may_resend(http_status, stripe_says=True, is_read=is_read)
        assert not may_resend(http_status, stripe_says=False, is_read=is_read)


@pytest.mark.parametrize("http_status", [None, 408, 409, 424, 429, 502, 503, 504])
def test_what_is_not_decided_is_sent_again(http_status: int | None) -> None:
    assert may_resend(http_status, stripe_says=None, is_read=False)
    assert may_resend(http_status, stripe_says=None, is_read=True)


def test_an_unexplained_500_is_sent_again_only_for_a_read() -> None:
    assert may_resend(500, stripe_says=None, is_read=True)
    assert not may_resend(500, stripe_says=None, is_read=False)


@pytest.mark.parametrize("http_status", [301, 400, 401, 403, 404, 413])
def test_a_refusal_is_not_sent_again(http_status: int) -> None:
    assert not may_resend(http_status, stripe_says=None, is_read=True)


def test_before_the_first_success_patience_lasts_a_minute() -> None:
    retry_budget = RetryBudget(then_s=900)

    retry_budget.failed(0)

    assert not retry_budget.is_over(59.9)
    assert retry_budget.is_over(60)


def test_after_a_success_patience_counts_from_the_first_failure() -> None:
    retry_budget = RetryBudget(then_s=900)
    retry_budget.succeeded(1_000)

    retry_budget.failed(10_000)
    retry_budget.failed(10_500)

    assert not retry_budget.is_over(10_899)
    assert retry_budget.is_over(10_900)


def test_a_success_renews_patience() -> None:
    retry_budget = RetryBudget(then_s=900)
    retry_budget.failed(0)

    retry_budget.succeeded(4_000)
    retry_budget.failed(5_000)

    assert not retry_budget.is_over(5_899)


def test_a_short_setting_shortens_the_first_minute_too() -> None:
    retry_budget = RetryBudget(then_s=5)

    retry_budget.failed(0)

    assert retry_budget.is_over(5)


def test_patience_counts_from_when_the_first_request_that_failed_was_sent() -> None:
    retry_budget = RetryBudget(then_s=900)
    retry_budget.succeeded(0)

    retry_budget.failed(sent_at=130)
    retry_budget.failed(sent_at=100)  # it was sent before the other and failed later

    assert retry_budget.spent_s(400) == 300
    assert retry_budget.left_s(400) == 600


def test_a_success_meanwhile_makes_a_late_failure_count_from_it() -> None:
    retry_budget = RetryBudget(then_s=900)
    retry_budget.succeeded(50)

    retry_budget.failed(sent_at=10)

    assert retry_budget.spent_s(100) == 50


def test_a_read_before_the_first_success_ends_with_the_first_minute() -> None:
    retry_budget = RetryBudget(then_s=900)

    assert retry_budget.first_read_s(0) == 60
    retry_budget.failed(sent_at=0)
    assert retry_budget.first_read_s(40) == 20
    assert retry_budget.first_read_s(59) == SHORTEST_READ_S
    retry_budget.succeeded(60)
    assert retry_budget.first_read_s(61) is None
