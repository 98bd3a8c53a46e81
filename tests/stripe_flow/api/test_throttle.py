"""The throttle keeps to the rates, uses them, and slows down only what Stripe names; every clock is explicit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.bucket import BURST_S
from stripe_flow.api.throttle import FEWEST_BUCKETS, Scope, Throttle, scopes_to_slow

CHARGES, CUSTOMERS, REFUNDS = OPERATIONS = ("GET /v1/charges", "GET /v1/customers", "GET /v1/refunds")
BOTH, ACCOUNT, OPERATION = frozenset(Scope), frozenset({Scope.ACCOUNT}), frozenset({Scope.OPERATION})


def most_over(moments: list[float], rate: float, *, burst_s: float = BURST_S) -> float:
    """By how many requests the fullest span of time exceeds the rate plus the burst that is allowed before it."""
    ordered = sorted(moments)
    return max(
        last - first - (ordered[last] - ordered[first] + burst_s) * rate
        for first in range(len(ordered))
        for last in range(first, len(ordered))
    )


def wait_s(throttle: Throttle, operation: str, now: float, *, account: str | None = None) -> float:
    return throttle.reserve(account, operation, now).wait_s(now)


@pytest.mark.promise("tap 6", "No span of time holds more requests than the configured rate")
@given(
    per_operation=st.floats(0.1, 20),
    total=st.floats(0.1, 40),
    arrivals=st.lists(st.tuples(st.floats(0, 4), st.sampled_from(OPERATIONS)), min_size=1, max_size=80).map(sorted),
)
def test_no_span_of_time_holds_more_than_either_rate(
    per_operation: float, total: float, arrivals: list[tuple[float, str]]
) -> None:
    throttle = Throttle(per_operation_per_s=per_operation, total_per_s=total)

    sent = [(now + wait_s(throttle, operation, now), operation) for now, operation in arrivals]

    assert most_over([moment for moment, _ in sent], total) <= 1e-3
    for operation in {each for _, each in sent}:
        assert most_over([moment for moment, each in sent if each == operation], per_operation) <= 1e-3


def test_a_storm_on_one_operation_leaves_no_token_of_the_total_unused_or_used_twice() -> None:
    throttle = Throttle(per_operation_per_s=5, total_per_s=20)

    sent = [wait_s(throttle, CUSTOMERS, 0) for _ in range(16)]
    for tick in range(4, 16):
        now = tick / 5
        sent += [
            now + wait_s(throttle, f"GET /v1/{name}", now) for name in ("charges", "products", "prices", "refunds")
        ]

    assert most_over(sent, 20) <= 1e-3
    assert max(sent) < 4


def one_operation(rate: float) -> Throttle:
    return Throttle(per_operation_per_s=rate, total_per_s=0)


def test_a_busy_bucket_uses_the_whole_rate() -> None:
    throttle = one_operation(20)

    waits = [wait_s(throttle, CHARGES, 0) for _ in range(201)]

    assert 200 / waits[-1] >= 20


@pytest.mark.promise("tap 6", "A 429 halves the rate, and successes restore it")
@pytest.mark.parametrize("rate", [1, 10, 400])
def test_a_429_halves_the_rate_and_successes_restore_it(rate: int) -> None:
    throttle = one_operation(rate)

    throttle.slow_down(None, CHARGES, 0, BOTH)
    throttle.slow_down(None, CHARGES, 0.5, BOTH)  # less than a second later: the same storm
    slow_s = max(wait_s(throttle, CHARGES, 100) for _ in range(rate + 1))
    for _ in range(2 * rate):  # two seconds of them
        throttle.speed_up(None, CHARGES)
    fast_s = max(wait_s(throttle, CHARGES, 200) for _ in range(rate + 1))

    assert slow_s == pytest.approx(2 - BURST_S)
    assert fast_s == pytest.approx(1 - BURST_S)


@pytest.mark.promise("tap 6", "Operations and accounts do not slow each other")
def test_operations_and_accounts_do_not_slow_each_other() -> None:
    throttle = Throttle(per_operation_per_s=1, total_per_s=1000)

    first = [wait_s(throttle, CHARGES, 0), wait_s(throttle, CHARGES, 0)]
    others = [wait_s(throttle, each, 0) for each in ("GET /v1/charges/{id}", "POST /v1/charges", REFUNDS)]
    other_account = wait_s(throttle, CHARGES, 0, account="acct_1")

    assert first[1] > 0.8
    assert (first[0], other_account) == (0, 0)
    assert max(others) < 0.01


def test_all_operations_share_the_total() -> None:
    throttle = Throttle(per_operation_per_s=1000, total_per_s=1)

    waits = [wait_s(throttle, operation, 0) for operation in OPERATIONS]

    assert waits[2] > 1.8


def test_a_rate_of_zero_does_not_wait() -> None:
    throttle = Throttle(per_operation_per_s=0, total_per_s=0)
    for account in "abcd":
        throttle.slow_down(account, CHARGES, 0, BOTH)

    assert [wait_s(throttle, CHARGES, 0) for _ in range(100)] == [0.0] * 100


@pytest.mark.promise("tap 6", "A 429 slows what Stripe names")
@pytest.mark.parametrize(
    ("reason", "code", "slowed"),
    [
        ("global-rate", "rate_limit", ACCOUNT),
        ("global-concurrency", "", ACCOUNT),
        ("endpoint-rate", "rate_limit", OPERATION),
        ("endpoint-concurrency", "", OPERATION),
        ("resource-specific", "", OPERATION),
        ("something-new", "", BOTH),
        (None, "rate_limit", BOTH),
        (None, "", BOTH),
        (None, "lock_timeout", frozenset()),
        ("resource-specific", "lock_timeout", frozenset()),
    ],
)
def test_a_429_slows_what_its_reason_names(reason: str | None, code: str, slowed: frozenset[Scope]) -> None:
    throttle = Throttle(per_operation_per_s=10, total_per_s=20)
    throttle.slow_down(None, CHARGES, 0, scopes_to_slow(reason, code))

    same, other = wait_of_many(throttle, CHARGES, 100), wait_of_many(throttle, REFUNDS, 200)

    full_s = 1 - BURST_S
    # 11 requests of one operation take 1 s at 10 a second, at half the total as well
    assert (same > full_s + 0.1) == (Scope.OPERATION in slowed)
    assert other == pytest.approx(full_s)
    mixed = max(wait_s(throttle, OPERATIONS[number % 3], 300) for number in range(21))
    assert (mixed > full_s + 0.1) == bool(slowed)


def wait_of_many(throttle: Throttle, operation: str, now: float) -> float:
    return max(wait_s(throttle, operation, now) for _ in range(11))


# The key's own rate.


def refused_together(throttle: Throttle, accounts: str, now: float) -> None:
    for account in accounts:
        throttle.slow_down(account, CHARGES, now, OPERATION)


def used(throttle: Throttle, accounts: int, now: float) -> int:
    """How many requests `accounts` accounts send within a second if each sends 20 at once."""
    waits = [wait_s(throttle, CHARGES, now, account=f"acct_{number}") for number in range(accounts) for _ in range(20)]
    return sum(wait < 1 for wait in waits)


def busy(accounts: int) -> Throttle:
    """A throttle that has just sent 10 requests for each account within a second."""
    throttle = Throttle(per_operation_per_s=100, total_per_s=100)
    for number in range(accounts):
        for tick in range(10):
            now = tick / 10
            assert throttle.confirm(throttle.reserve(f"acct_{number}", CHARGES, now), now) == 0
    return throttle


@pytest.mark.promise("tap 6", "Several accounts that answer 429 at once slow down the key, until it has recovered")
def test_three_accounts_that_answer_429_at_once_halve_what_the_key_used() -> None:
    throttle = busy(20)  # 200 requests in a second

    refused_together(throttle, "abc", 0.95)
    slowed = used(throttle, 20, 1)
    for _ in range(400):
        throttle.speed_up("acct_0", CHARGES)

    assert 100 <= slowed <= 112  # and the burst
    assert used(throttle, 20, 100) == 400


@pytest.mark.parametrize(
    "refusals",
    [
        pytest.param([("a", 0.9), ("b", 0.9)], id="two accounts"),
        pytest.param([("a", 0.9)] * 5, id="one account, often"),
        pytest.param([("a", 0.1), ("b", 0.9), ("c", 1.8), ("d", 2.7)], id="one after the other"),
    ],
)
def test_fewer_refusals_at_once_do_not_slow_the_key(refusals: list[tuple[str, float]]) -> None:
    throttle = busy(20)
    for account, now in refusals:
        refused_together(throttle, account, now)

    assert used(throttle, 20, 10) == 400


def test_a_key_that_is_refused_on_is_halved_each_second() -> None:
    throttle = busy(20)
    for now in (0.95, 1.5, 2.0, 3.1):
        refused_together(throttle, "abc", now)

    assert 25 <= used(throttle, 20, 3.2) <= 30


def test_locks_do_not_slow_the_key() -> None:
    throttle = busy(20)
    for account in "abcde":
        throttle.slow_down(account, CHARGES, 0.95, scopes_to_slow(None, "lock_timeout"))

    assert used(throttle, 20, 10) == 400


# Requests that can be sent only after their moment.


@given(
    rate=st.floats(1, 50),
    threads=st.integers(1, 60),
    hang_s=st.floats(0, 5),
    slots=st.integers(1, 16),
    took_s=st.floats(0.01, 1),
)
@pytest.mark.promise("tap 6", "Requests that waited for a slot are not sent in a burst")
def test_requests_that_waited_for_a_slot_keep_the_rate(
    rate: float, threads: int, hang_s: float, slots: int, took_s: float
) -> None:
    """`threads` requests reserve at once; the slots become free after `hang_s`, and then every `took_s`."""
    throttle = one_operation(rate)
    waiting = [throttle.reserve(None, CHARGES, 0) for _ in range(threads)]
    free_at, sent = [hang_s] * slots, list[float]()
    for _ in range(50 * threads):
        if not waiting:
            break
        free_at.sort()
        waiting.sort(key=lambda each: max(each.due_at, free_at[0]))  # first come, first served
        now = max(waiting[0].due_at, free_at[0])
        if throttle.confirm(waiting[0], now) == 0:
            del waiting[0]
            sent.append(now)
            free_at[0] = now + took_s

    assert not waiting
    assert most_over(sent, rate, burst_s=2 * BURST_S) <= 1e-3
    assert max(sent) <= hang_s + threads / rate + threads * took_s / slots + took_s + 1 / rate


def test_where_slots_are_few_none_stays_unused() -> None:
    """One slot serves five requests a second of the 20 that are allowed; 60 wait for it."""
    throttle = one_operation(20)
    waiting = [throttle.reserve(None, CHARGES, 0) for _ in range(60)]
    sent, now = 0, 0.0
    for _ in range(10_000):
        due = [each for each in waiting if each.due_at <= now]
        if not due:
            break
        if throttle.confirm(due[0], now) == 0:
            waiting.remove(due[0])
            sent += 1
            now += 0.2

    assert sent == 60


def test_buckets_that_are_idle_are_forgotten() -> None:
    throttle = Throttle(per_operation_per_s=20, total_per_s=80)
    for number in range(20 * FEWEST_BUCKETS):
        now = float(number)
        throttle.confirm(throttle.reserve(f"acct_{number}", CHARGES, now), now)

    assert len(throttle._buckets) <= 2 * FEWEST_BUCKETS  # noqa: SLF001
    assert not throttle._waiting  # noqa: SLF001
