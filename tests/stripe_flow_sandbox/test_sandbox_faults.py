"""What a script of faults does to the official client and to plain sockets."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_payment, a_rule, outcome
from tests.support.sandbox import Sandbox

FORM = {"Authorization": "Bearer sk_test_sandbox", "Content-Type": "application/x-www-form-urlencoded"}
POINTS = ["before_read", "before_execute", "after_execute", "before_answer"]


def post(sandbox: Sandbox, key: str = "one") -> tuple[int, bytes]:
    """Create a customer over a connection of its own: status and body."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", "/v1/customers", "name=Ada", {**FORM, "Idempotency-Key": key})
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def effects(sandbox: Sandbox) -> int:
    return len(sandbox.objects("customer"))


@pytest.mark.parametrize("point", POINTS)
def test_a_hold_waits_at_its_point_until_released(sandbox: Sandbox, point: str) -> None:
    sandbox.faults(a_rule("hold", "held", at=point))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, sandbox)
        sandbox.wait_until_held("held")
        before = effects(sandbox)
        sandbox.release("held")

        assert answer.result(timeout=30)[0] == 200
    assert before == (1 if point in ("after_execute", "before_answer") else 0)
    assert effects(sandbox) == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_payment_that_is_held_or_cut_has_its_effect_only_once_it_is_executed(sandbox: Sandbox, point: str) -> None:
    client = a_client(sandbox)
    sandbox.faults(a_rule("cut", at=point, match={"path": "/v1/payment_intents"}, times=1))

    with pytest.raises(stripe.APIConnectionError):
        a_payment(client, options={"idempotency_key": "pay"})
    after_cut = len(sandbox.objects("payment_intent"))
    paid = a_payment(client, options={"idempotency_key": "pay"})

    assert after_cut == (1 if point in ("after_execute", "before_answer") else 0)
    assert [each["payment_intent"] for each in sandbox.objects("charge")] == [paid.id]


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("point", POINTS)
def test_a_cut_connection_leaves_an_effect_only_after_execution_and_a_resend_ends_in_one(
    sandbox: Sandbox, point: str, ending: str
) -> None:
    sandbox.faults(a_rule("cut", at=point, ending=ending, times=1))

    with pytest.raises((RemoteDisconnected, ConnectionError)):
        post(sandbox)
    after_cut = effects(sandbox)
    status, _ = post(sandbox)

    assert after_cut == (1 if point in ("after_execute", "before_answer") else 0)
    assert (status, effects(sandbox)) == (200, 1)
    assert [each["status"] for each in sandbox.requests()] == [None, 200]
    assert sandbox.requests()[0]["faults"] == ["fault"]


def sent_before_the_end(sandbox: Sandbox, key: str) -> bytes:
    """Every byte received before the connection ended."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in {**FORM, "Idempotency-Key": key, "Host": host}.items())
    with socket.create_connection((host, int(port)), timeout=30) as connected:
        connected.sendall(f"POST /v1/customers HTTP/1.1\r\n{head}Content-Length: 8\r\n\r\nname=Ada".encode())
        return b"".join(iter(lambda: connected.recv(65536), b""))


def test_an_answer_is_cut_in_its_head(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("cut", at="before_answer", within="head", times=1))

    arrived = sent_before_the_end(sandbox, "one")

    assert arrived.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in arrived
    assert (post(sandbox)[0], effects(sandbox)) == (200, 1)


@pytest.mark.parametrize("after_bytes", [0, 10, None])
def test_an_answer_is_cut_in_its_body(sandbox: Sandbox, after_bytes: int | None) -> None:
    sandbox.faults(a_rule("cut", at="before_answer", within="body", after_bytes=after_bytes, times=1))

    head, _, body = sent_before_the_end(sandbox, "one").partition(b"\r\n\r\n")

    whole = int(head.rpartition(b"Content-Length: ")[2])
    assert len(body) == (whole // 2 if after_bytes is None else after_bytes)
    assert (post(sandbox)[0], effects(sandbox)) == (200, 1)


def test_a_truncated_answer_is_whole_http_and_broken_json(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("truncate", bytes=50))

    status, body = post(sandbox)

    assert (status, len(body)) == (200, 50)
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_an_answer_can_be_sent_in_single_bytes(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("trickle", bytes=1, every_ms=0.1))

    status, body = post(sandbox)

    assert (status, json.loads(body)["name"]) == (200, "Ada")


@pytest.mark.parametrize("status", [409, 424, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("should_retry", ["true", "false", None])
def test_any_status_can_be_answered_with_or_without_advice(
    sandbox: Sandbox, status: int, should_retry: str | None
) -> None:
    headers = {"Stripe-Should-Retry": should_retry} if should_retry else {}
    sandbox.faults(a_rule("answer", status=status, headers=headers))

    with pytest.raises(stripe.StripeError) as failed:
        a_customer(a_client(sandbox))

    assert failed.value.http_status == status
    assert failed.value.headers.get("Stripe-Should-Retry") == should_retry
    assert effects(sandbox) == 0


@pytest.mark.parametrize(
    ("at", "stored", "resent", "customers"),
    [
        ("before_execute", "nothing", 200, 1),
        ("before_execute", "fault", 500, 0),
        ("after_execute", "fault", 500, 1),
        ("after_execute", "real", 200, 1),
        ("after_execute", "nothing", 200, 2),
        ("before_answer", None, 200, 1),
    ],
)
def test_a_500_can_have_an_effect_or_none_and_be_stored_or_not(
    sandbox: Sandbox, at: str, stored: str | None, resent: int, customers: int
) -> None:
    sandbox.faults(a_rule("answer", at=at, status=500, stored=stored, times=1))

    first, _ = post(sandbox)
    second, _ = post(sandbox)

    assert (first, second, effects(sandbox)) == (500, resent, customers)
    assert sandbox.requests()[1]["replayed"] == (stored in ("fault", "real") or at == "before_answer")


def test_objects_become_visible_late_by_the_sandboxs_clock(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("late_visibility", at_least_s=600, up_to_s=600))
    client = a_client(sandbox)
    made = a_charge(client)

    listed = client.charges.list().data
    sandbox.advance(700)

    assert listed == []
    assert client.charges.retrieve(made.id).id == made.id
    assert [each["id"] for each in sandbox.objects("charge")] == [made.id]
    assert [each.id for each in client.charges.list().data] == [made.id]
    assert [each.type for each in client.events.list().data] == ["charge.succeeded"]


def test_a_rule_strikes_by_match_skip_times_and_chance(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sandbox.faults(a_rule("answer", status=503, match={"method": "GET", "path": "/v1/ch*"}, skip=1, times=2))
    found = [outcome(client.charges.list) is None for _ in range(5)]
    others = outcome(client.refunds.list)

    sandbox.faults(a_rule("answer", status=503, probability=0.5), seed=4)
    chances = [outcome(client.charges.list) is None for _ in range(20)]
    sandbox.faults(a_rule("answer", status=503, probability=0.5), seed=4)
    again = [outcome(client.charges.list) is None for _ in range(20)]

    assert found == [True, False, False, True, True]
    assert others is None
    assert chances == again
    assert 0 < sum(chances) < 20


def test_a_script_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"rules": [a_rule("answer", status=503)]}))

    with Sandbox("--faults", str(file)) as sandbox, pytest.raises(stripe.APIError):
        a_client(sandbox).charges.list()


@pytest.mark.parametrize(
    "rule",
    [
        a_rule("explode"),
        a_rule("latency", ms=1, at="later"),
        a_rule("truncate", bytes=1, at="before_read"),
        a_rule("cut", within="body", at="before_read"),
        a_rule("answer", status=500, stored="real", at="before_execute"),
        a_rule("answer", status=500, stored="fault", at="before_answer"),
        a_rule("latency"),
        a_rule("bandwidth", mbit_per_s=0),
        a_rule("bandwidth", mbit_per_s=1, at="before_read"),
        {"name": "nothing"},
    ],
)
def test_an_invalid_script_is_refused_and_the_old_one_stays(sandbox: Sandbox, rule: dict[str, Any]) -> None:
    sandbox.faults(a_rule("answer", "old", status=503))

    with pytest.raises(ValueError, match="faults"):
        sandbox.faults(rule)

    assert sandbox.fault_state("old")["seen"] == 0


def test_a_held_request_continues_after_its_client_has_disconnected(sandbox: Sandbox) -> None:
    sandbox.faults(a_rule("hold", "held"))
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/v1/customers", "name=Ada", {**FORM, "Idempotency-Key": "disconnected"})
    sandbox.wait_until_held("held")

    connection.close()
    sandbox.release("held")

    status, _ = post(sandbox, "disconnected")
    assert (status in (200, 409), effects(sandbox)) == (True, 1)


@pytest.mark.parametrize("has_more", [True, False])
def test_a_page_behind_a_cursor_can_be_empty(sandbox: Sandbox, *, has_more: bool) -> None:
    client = a_client(sandbox)
    made = [a_customer(client).id for _ in range(3)]
    sandbox.faults(a_rule("empty_page", match={"path": "/v1/customers"}, has_more=has_more, times=1))

    first = client.customers.list({"limit": 2})
    empty = client.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    whole = client.customers.list({"limit": 2, "starting_after": first.data[-1].id})

    assert [each.id for each in first.data] == [made[2], made[1]]
    assert (empty.data, empty.has_more, empty.url) == ([], has_more, "/v1/customers")
    assert [each.id for each in whole.data] == [made[0]]
    assert sandbox.fault_state("fault")["struck"] == 1


def test_a_locked_object_is_a_429_without_a_reason_and_nothing_is_executed(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sandbox.faults(a_rule("lock", match={"path": "/v1/charges"}, times=1))

    refusal = outcome(lambda: a_charge(client, options={"idempotency_key": "pay"}))
    paid = a_charge(client, options={"idempotency_key": "pay"})

    assert refusal is not None
    assert (refusal.http_status, refusal.json_body["error"]["code"]) == (429, "lock_timeout")
    assert "stripe-rate-limited-reason" not in {name.lower() for name in refusal.headers or {}}
    assert [each["id"] for each in sandbox.objects("charge")] == [paid.id]
