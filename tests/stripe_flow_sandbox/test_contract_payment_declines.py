"""Payments that banks decline or ask to authenticate, as the official client meets them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_customer, a_payment
from tests.support.sandbox import Sandbox

# test payment method: code, decline_code
DECLINES = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclinedFraudulent": ("card_declined", "fraudulent"),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", "processing_error"),
    "pm_card_chargeCustomerFail": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
}
ASKING = ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"]


@pytest.mark.parametrize("method", DECLINES)
def test_a_decline_names_its_charge_and_shows_its_payment_intent(client: Any, method: str) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method=method, metadata={"row": "7"})

    error = declined.value.json_body["error"]
    shown, charge = error["payment_intent"], client.charges.retrieve(error["charge"])
    assert (declined.value.http_status, error["type"]) == (402, "card_error")
    assert (error["code"], error["decline_code"]) == DECLINES[method]
    assert (shown["object"], shown["status"], shown["payment_method"]) == (
        "payment_intent",
        "requires_payment_method",
        None,
    )
    assert shown["latest_charge"] == shown["last_payment_error"]["charge"] == charge.id
    assert shown["last_payment_error"]["code"] == error["code"]
    assert error["payment_method"]["object"] == "payment_method"
    assert (charge.status, charge.paid, charge.payment_intent) == ("failed", False, shown["id"])
    assert charge.metadata["row"] == "7"


def test_a_declined_payment_intent_stays_listed_and_can_be_paid_otherwise(client: Any) -> None:
    customer = a_customer(client)
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, customer=customer.id, payment_method="pm_card_chargeDeclined")

    left = client.payment_intents.list({"customer": customer.id}).data
    paid = client.payment_intents.confirm(left[0].id, {"payment_method": customer.default_source})

    assert [each.id for each in left] == [declined.value.json_body["error"]["payment_intent"]["id"]]
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = client.charges.list({"payment_intent": paid.id}).data
    assert [each.status for each in charges] == ["succeeded", "failed"]


def test_a_saved_card_that_fails_later_is_declined_as_its_customers(client: Any) -> None:
    customer = a_customer(client, source="tok_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, customer=customer.id, payment_method=customer.default_source)

    charge = client.charges.retrieve(declined.value.json_body["error"]["charge"])
    assert (charge.customer, charge.status) == (customer.id, "failed")


def test_a_decline_is_replayed_and_leaves_one_payment_intent(client: Any, shared: Sandbox) -> None:
    named = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            a_payment(
                client,
                payment_method="pm_card_chargeDeclined",
                transfer_group="declined",
                options={"idempotency_key": "declined"},
            )
        error = declined.value.json_body["error"]
        named.append(
            (error["payment_intent"]["id"], error["charge"], declined.value.headers.get("Idempotent-Replayed"))
        )

    assert named[0][:2] == named[1][:2]
    assert [replayed for _, _, replayed in named] == [None, "true"]
    for kind in ("payment_intent", "charge"):
        assert sum(each["transfer_group"] == "declined" for each in shared.objects(kind)) == 1


@pytest.mark.parametrize("method", ASKING)
def test_a_bank_that_asks_for_authentication_declines_off_session_without_a_charge(client: Any, method: str) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method=method)

    error = declined.value.json_body["error"]
    assert (declined.value.http_status, error["code"], error["decline_code"]) == (
        402,
        "authentication_required",
        "authentication_required",
    )
    assert "charge" not in error
    assert (error["payment_intent"]["status"], error["payment_intent"]["latest_charge"]) == (
        "requires_payment_method",
        None,
    )


def test_a_token_whose_bank_asks_declines_as_well(client: Any) -> None:
    by_token = {"type": "card", "card": {"token": "tok_threeDSecure2Required"}}

    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method_data=by_token)

    assert declined.value.code == "authentication_required"


def test_on_session_an_action_is_an_error_only_on_request(client: Any) -> None:
    method = {"payment_method": "pm_card_authenticationRequired", "off_session": None}

    waiting = a_payment(client, **method, error_on_requires_action=None)
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, **method)

    assert (waiting.status, waiting.next_action.type, waiting.latest_charge) == (
        "requires_action",
        "use_stripe_sdk",
        None,
    )
    # https://docs.stripe.com/payments/payment-intents/upgrade-to-handle-actions#test-manual
    assert declined.value.json_body["error"]["decline_code"] == "authentication_not_handled"
    assert client.payment_intents.cancel(waiting.id).status == "canceled"


def test_a_payment_method_without_a_customer_pays_once(client: Any) -> None:
    method = client.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})

    a_payment(client, payment_method=method.id)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        a_payment(client, payment_method=method.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.payment_methods.attach(method.id, {"customer": a_customer(client).id})


def test_a_payment_can_save_its_method_for_later(client: Any) -> None:
    customer = a_customer(client, source=None)

    paid = a_payment(client, customer=customer.id, setup_future_usage="off_session")
    again = a_payment(client, customer=customer.id, payment_method=paid.payment_method)

    assert again.status == "succeeded"
    assert client.payment_methods.retrieve(paid.payment_method).customer == customer.id
