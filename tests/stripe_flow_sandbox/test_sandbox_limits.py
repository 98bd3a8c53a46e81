"""Latency and limits by script: what many requests at once meet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from math import ceil

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_sandbox.service.limits import Buckets, read_rates
from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_rule, outcome
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox


def test_latency_does_not_serialise(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("latency", ms=100))

    start_s = time.monotonic()
    answers = asyncio.run(a_hundred_lists(sandbox))
    elapsed_s = time.monotonic() - start_s

    assert {each.split(b"\r\n")[0] for each in answers} == {b"HTTP/1.1 200 OK"}
    # It takes 0.15 s here; one after the other they would take 10 s. The rest is for a busy machine.
    assert 0.1 <= elapsed_s < 1.5


async def a_hundred_lists(sandbox: Sandbox) -> list[bytes]:
    """A hundred requests at once, each over a connection of its own."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET /v1/charges HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {Sandbox.key}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    return await asyncio.wait_for(asyncio.gather(*(ask() for _ in range(100))), timeout=30)


@pytest.mark.parametrize("with_reason", [True, False])
@pytest.mark.parametrize("scope", ["endpoint", "global"])
def test_a_rate_limit_says_so_with_or_without_its_reason(sandbox: Sandbox, scope: str, with_reason: object) -> None:
    sandbox.faults(a_rule("rate_limit", per_s=2, scope=scope, with_reason=with_reason))
    client = a_client(sandbox)

    outcomes = [outcome(client.charges.list) for _ in range(8)]
    limited = next(each for each in outcomes if each is not None)

    assert outcomes[:2] == [None, None]
    assert isinstance(limited, stripe.RateLimitError)
    assert limited.headers.get("Stripe-Rate-Limited-Reason") == (f"{scope}-rate" if with_reason else None)
    assert (outcome(client.refunds.list) is None) == (scope == "endpoint")


MOMENTS = st.lists(st.floats(0, 0.2), min_size=1, max_size=300).map(lambda gaps: list(accumulate(gaps)))


def passed(rate: float, moments: Iterable[float]) -> list[float]:
    """The moments, in seconds, at which a limit lets a request pass."""
    buckets = Buckets()
    return [moment for moment in moments if buckets.take({"global": ("one", rate)}, moment) is None]


@given(rate=st.floats(0.1, 50), moments=MOMENTS)
def test_no_second_has_over_a_fifth_more_than_the_rate_and_no_time_a_second_s_worth_more(
    rate: float, moments: list[float]
) -> None:
    found = passed(rate, moments)

    assert all(sum(begin <= each < begin + 0.999 for each in found) <= ceil(rate * 1.2) for begin in found)
    assert len(found) <= (found[-1] - found[0]) * rate + max(1, rate) + 1


@given(rate=st.integers(2, 50), late_s=st.lists(st.floats(0, 0.1), min_size=200, max_size=200))
def test_requests_at_the_rate_pass_though_each_may_be_a_tenth_of_a_second_late(rate: int, late_s: list[float]) -> None:
    moments = sorted(number / rate + late for number, late in enumerate(late_s))

    assert passed(rate, moments) == moments


@given(rate=st.integers(1, 100))
def test_a_second_s_worth_may_come_at_once(rate: int) -> None:
    assert len(passed(rate, [0.0] * 2 * rate)) == rate


def test_limits_hold_for_each_operation_and_account() -> None:
    with Sandbox("--limits", "0.001,1000") as sandbox:
        ours, theirs = a_client(sandbox), a_client(sandbox, account=CONNECTED)
        made = ours.customers.create()
        asked = [ours.charges.list, ours.refunds.list, lambda: ours.customers.retrieve(made.id), theirs.charges.list]
        first, again = ([outcome(each) for each in asked] for _ in range(2))
        named = a_client(sandbox, account=PLATFORM)
        state = sandbox.limits()

        assert isinstance(outcome(named.charges.list), stripe.RateLimitError)
    assert first == [None] * 4
    for refusal in again:
        assert isinstance(refusal, stripe.RateLimitError)
        assert refusal.json_body["error"]["code"] == "rate_limit"
        assert refusal.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
        assert refusal.headers["Stripe-Should-Retry"] == "true"
    assert state == {
        "per_s": {"per_operation": 0.001, "total": 1000},
        "passed": 5,
        "refused": {"endpoint-rate": 4},
    }


def test_limits_hold_for_each_account_in_all() -> None:
    with Sandbox("--limits", "1000,0.001") as sandbox:
        ours, theirs = a_client(sandbox), a_client(sandbox, account=CONNECTED)
        outcomes = [outcome(each) for each in (ours.charges.list, ours.refunds.list, theirs.refunds.list)]

        assert sandbox.limits()["refused"] == {"global-rate": 1}
        assert [each["status"] for each in sandbox.requests()] == [200, 429, 200]
    assert [each and each.headers["Stripe-Rate-Limited-Reason"] for each in outcomes] == [None, "global-rate", None]


@pytest.mark.parametrize(
    ("options", "per_operation", "total"),
    [(("--limits",), 25, 25), (("--limits", "--live"), 25, 100), (("--limits", "5,7.5"), 5, 7.5)],
)
def test_limits_are_stripes_unless_numbers_are_given(
    options: tuple[str, ...], per_operation: float, total: float
) -> None:
    with Sandbox(*options) as sandbox:
        assert sandbox.limits()["per_s"] == {"per_operation": per_operation, "total": total}


@pytest.mark.parametrize("text", ["25", "25,0", "25,x", "1,2,3", "nan,1", "inf,1", ","])
def test_odd_limits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--limits takes two numbers above 0"):
        read_rates(text, livemode=False)


@pytest.mark.parametrize("with_reason", [True, False])
def test_a_concurrency_limit_refuses_only_requests_that_overlap(sandbox: Sandbox, with_reason: object) -> None:
    limit = a_rule("concurrency_limit", "limit", most=1, with_reason=with_reason)
    sandbox.faults(limit, a_rule("hold", "slow", times=1))
    client = a_client(sandbox)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.charges.list)
        sandbox.wait_until_held("slow")
        with pytest.raises(stripe.RateLimitError) as refused:
            client.charges.list()
        sandbox.release("slow")
        slow.result(timeout=30)

    reason = "endpoint-concurrency" if with_reason else None
    assert refused.value.headers.get("Stripe-Rate-Limited-Reason") == reason
    assert client.charges.list().data == []


def test_a_lock_timeout_is_a_429_without_a_reason(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("answer", status=429, error={"code": "lock_timeout", "type": "invalid_request_error"}))

    with pytest.raises(stripe.RateLimitError) as refused:
        a_customer(a_client(sandbox))

    assert refused.value.json_body["error"]["code"] == "lock_timeout"
    assert "Stripe-Rate-Limited-Reason" not in refused.value.headers
