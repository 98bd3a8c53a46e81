from __future__ import annotations

import pytest

from stripe_flow.api.retry import SHORTEST_READ_S, RetryBudget, may_resend

EVERY_STATUS = [None, *range(300, 600)]


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("should_retry", [True, False, None])
def test_a_decline_is_never_sent_again(*, is_read: bool, should_retry: bool | None) -> None:
    assert not may_resend(402, should_retry=should_retry, is_read=is_read)


@pytest.mark.parametrize("http_status", [http_status for http_status in EVERY_STATUS if http_status != 402])
def test_the_header_stripe_should_retry_overrides_the_table(http_status: int | None) -> None:
    for is_read in (True, False):
        assert may_resend(http_status, should_retry=True, is_read=is_read)
        assert not may_resend(http_status, should_retry=False, is_read=is_read)


@pytest.mark.parametrize("http_status", [None, 408, 409, 424, 429, 502, 503, 504])
def test_an_undecided_request_is_sent_again(http_status: int | None) -> None:
    assert may_resend(http_status, should_retry=None, is_read=False)
    assert may_resend(http_status, should_retry=None, is_read=True)


def test_an_unexplained_500_is_sent_again_only_for_a_read() -> None:
    assert may_resend(500, should_retry=None, is_read=True)
    assert not may_resend(500, should_retry=None, is_read=False)


@pytest.mark.parametrize("http_status", [301, 400, 401, 403, 404, 413])
def test_a_refusal_is_not_sent_again(http_status: int) -> None:
    assert not may_resend(http_status, should_retry=None, is_read=True)


def test_before_the_first_success_the_budget_lasts_a_minute() -> None:
    retry_budget = RetryBudget(limit_s=900)

    retry_budget.record_failure(0)

    assert not retry_budget.is_spent(59.9)
    assert retry_budget.is_spent(60)


def test_after_a_success_the_budget_counts_from_the_first_failure() -> None:
    retry_budget = RetryBudget(limit_s=900)
    retry_budget.record_success(1_000)

    retry_budget.record_failure(10_000)
    retry_budget.record_failure(10_500)

    assert not retry_budget.is_spent(10_899)
    assert retry_budget.is_spent(10_900)


def test_a_success_renews_the_budget() -> None:
    retry_budget = RetryBudget(limit_s=900)
    retry_budget.record_failure(0)

    retry_budget.record_success(4_000)
    retry_budget.record_failure(5_000)

    assert not retry_budget.is_spent(5_899)


def test_a_short_setting_shortens_the_first_minute_too() -> None:
    retry_budget = RetryBudget(limit_s=5)

    retry_budget.record_failure(0)

    assert retry_budget.is_spent(5)


def test_the_budget_counts_from_when_the_first_failed_request_was_sent() -> None:
    retry_budget = RetryBudget(limit_s=900)
    retry_budget.record_success(0)

    retry_budget.record_failure(sent_at=130)
    retry_budget.record_failure(sent_at=100)  # it was sent before the other and failed later

    assert retry_budget.spent_s(400) == 300
    assert retry_budget.left_s(400) == 600


def test_a_late_failure_counts_from_the_last_success() -> None:
    retry_budget = RetryBudget(limit_s=900)
    retry_budget.record_success(50)

    retry_budget.record_failure(sent_at=10)

    assert retry_budget.spent_s(100) == 50


def test_before_the_first_success_a_read_ends_with_the_first_minute() -> None:
    retry_budget = RetryBudget(limit_s=900)

    assert retry_budget.read_limit_s(0) == 60
    retry_budget.record_failure(sent_at=0)
    assert retry_budget.read_limit_s(40) == 20
    assert retry_budget.read_limit_s(59) == SHORTEST_READ_S
    retry_budget.record_success(60)
    assert retry_budget.read_limit_s(61) is None
