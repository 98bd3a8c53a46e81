"""Failures of one stream or account: an endpoint that only answers with errors, and an unusable state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.official import everything, official
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, post


@pytest.fixture
def busy(sandbox: Sandbox) -> Sandbox:
    """Three charges, each with a refund, outside the overlap."""
    client = official(sandbox).v1
    for _ in range(3):
        charge = client.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"})
        client.refunds.create({"charge": charge.id, "amount": 100})
    sandbox.advance(2_000)
    return sandbox


def failing(path: str, status: int) -> Message:
    return {"name": "failing", "match": {"path": path}, "action": {"kind": "answer", "status": status}}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_endpoint_that_only_fails_fails_only_its_stream(busy: Sandbox, tmp_path: Path, status: int) -> None:
    busy.faults(failing("/v1/charges", status))

    done = run_tap(tmp_path, a_config(busy.url, give_up_after_s=1))

    assert (done.code, len(done.records("charges")), len(done.records("refunds"))) == (2, 0, 3)
    (error,) = done.errors
    assert (
        f"stream charges failed, its state is unchanged: GET /v1/charges: Stripe answered HTTP {status} for " in error
    )


def test_failing_events_do_not_stop_the_list(busy: Sandbox, tmp_path: Path) -> None:
    changes = a_config(busy.url, capture="changes")
    busy.faults(failing("/v1/events", 500))
    first = run_tap(tmp_path, changes | {"give_up_after_s": 1})
    post(busy, [("/v1/charges", A_CHARGE)] * 2)
    old = busy.objects("charge")[0]["id"]
    official(busy).v1.charges.update(old, {"description": "changed"})
    busy.advance(2_000)
    second = run_tap(tmp_path, changes | {"give_up_after_s": 1}, state=first.states[-1])
    busy.faults()

    third = run_tap(tmp_path, changes, state=second.states[-1])

    assert [each.code for each in (first, second, third)] == [2, 2, 0]
    assert [len(each.records("charges")) for each in (first, second)] == [3, 2]
    assert all("Stripe answered HTTP 500" in error for error in (*first.errors, *second.errors))
    last = {each["id"]: each for done in (first, second, third) for each in done.records("charges")}
    assert last == {each["id"]: each for each in everything(official(busy).v1.charges)}


def test_a_failure_after_committed_windows_says_that_the_state_moved(busy: Sandbox, tmp_path: Path) -> None:
    busy.faults({**failing("/v1/events", 403), "action": {"kind": "answer", "status": 403, "error": {"type": "x"}}})

    done = run_tap(tmp_path, a_config(busy.url, capture="changes"))

    assert done.code == 2
    assert all("its state is that of the last committed window" in error for error in done.errors)


@pytest.mark.parametrize(
    ("bookmark", "said"),
    [
        ({"replication_key_value": "2026-01-01T00:00:00Z"}, "meltano state clear"),
        ({"replication_key_value": 4_000_000_000}, "Wait until then, or check the setting base_url"),
    ],
    ids=["of another tap", "ahead of Stripe"],
)
def test_an_unusable_state_fails_only_its_stream_and_account(
    busy: Sandbox, tmp_path: Path, bookmark: Message, said: str
) -> None:
    post(busy, [("/v1/charges", A_CHARGE)] * 2, account=CONNECTED)
    bad = bookmark | {"replication_key": "created", "context": {"_stripe_account": PLATFORM}}
    state = {"bookmarks": {"charges": {"partitions": [bad]}}}

    done = run_tap(tmp_path, a_config(busy.url, account_ids=["self", CONNECTED]), state=state)

    assert done.code == 2
    assert {each["_stripe_account"] for each in done.records("charges")} == {CONNECTED}
    assert len(done.records("refunds")) == 3
    (error,) = done.errors
    assert f"stream charges of account {PLATFORM} failed, its state is unchanged" in error
    assert said in error
    kept = done.states[-1]["bookmarks"]["charges"]["partitions"]
    assert bad in kept
