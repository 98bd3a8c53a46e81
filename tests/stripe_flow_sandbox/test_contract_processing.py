"""Debits that are processing until the sandbox's clock reaches the bank's answer."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_payment
from tests.support.sandbox import Sandbox

BANK = {"allowed_payment_method_types": ["us_bank_account", "sepa_debit"]}


def a_debit(client: Any, method: str, **params: object) -> Any:  # Any: see a_client
    currency = "usd" if method.startswith("pm_usBankAccount") else "eur"
    return a_payment(client, payment_method=method, currency=currency, **BANK, **params)


@pytest.mark.parametrize("method", ["pm_usBankAccount_success", "pm_success_de", "pm_successDelayed_de"])
def test_a_debit_is_processing_until_the_bank_has_paid(sandbox: Sandbox, method: str) -> None:
    client = a_client(sandbox)

    sent = a_debit(client, method)
    pending = client.charges.retrieve(sent.latest_charge)
    sandbox.advance(200)
    paid, charge = client.payment_intents.retrieve(sent.id), client.charges.retrieve(sent.latest_charge)

    assert (sent.status, sent.amount_received) == ("processing", 0)
    assert (pending.status, pending.paid, pending.balance_transaction) == ("pending", False, None)
    assert (paid.status, paid.amount_received, paid.latest_charge) == ("succeeded", 1000, sent.latest_charge)
    assert (charge.status, charge.paid, charge.amount_captured) == ("succeeded", True, 1000)
    assert charge.payment_method_details.type in ("us_bank_account", "sepa_debit")


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "account_closed"),
        ("pm_failedDelayed_de", "payment_intent_payment_attempt_failed"),
    ],
)
def test_a_debit_may_fail_in_the_end(sandbox: Sandbox, method: str, code: str) -> None:
    client = a_client(sandbox)
    sent = a_debit(client, method)

    sandbox.advance(200)
    failed, charge = client.payment_intents.retrieve(sent.id), client.charges.retrieve(sent.latest_charge)

    assert (failed.status, failed.last_payment_error.code) == ("requires_payment_method", code)
    assert (charge.status, charge.failure_code) == ("failed", code)


def test_the_delayed_ones_take_three_minutes(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sent = a_debit(client, "pm_successDelayed_de")

    sandbox.set_clock(sent.created + 170)
    before = client.payment_intents.retrieve(sent.id).status
    sandbox.set_clock(sent.created + 180)

    assert (before, client.payment_intents.retrieve(sent.id).status) == ("processing", "succeeded")


def test_a_planned_action_has_events_at_its_own_second_without_a_request(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sent = a_debit(client, "pm_successDelayed_de")
    sandbox.advance(7000)

    events = {each.type: each for each in client.events.list({"limit": 100}).data}

    assert {"charge.pending", "payment_intent.processing"} <= set(events)
    assert events["payment_intent.succeeded"].created == events["charge.succeeded"].created == sent.created + 180
    assert events["payment_intent.succeeded"].request.id is None
    assert events["payment_intent.processing"].request.id is not None


def test_the_control_of_objects_shows_the_results_of_planned_actions(sandbox: Sandbox) -> None:
    a_debit(a_client(sandbox), "pm_usBankAccount_success")

    sandbox.advance(100)

    assert [each["status"] for each in sandbox.objects("payment_intent")] == ["succeeded"]


def test_a_debit_that_stays_processing_can_be_canceled_and_is_not_paid_later(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    forever, slow = a_debit(client, "pm_usBankAccount_processing"), a_debit(client, "pm_successDelayed_de")

    canceled = client.payment_intents.cancel(slow.id)
    sandbox.advance(24 * 60 * 60)

    assert canceled.status == client.payment_intents.retrieve(slow.id).status == "canceled"
    assert client.payment_intents.retrieve(forever.id).status == "processing"
    assert client.charges.retrieve(slow.latest_charge).status == "failed"


def test_a_payment_that_is_processing_cannot_be_refunded(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sent = a_debit(client, "pm_usBankAccount_processing")

    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.refunds.create({"payment_intent": sent.id})
