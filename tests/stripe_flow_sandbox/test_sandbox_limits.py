"""Latency and limits by script: what many requests at once meet."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_rule, outcome
from tests.support.sandbox import Sandbox


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
