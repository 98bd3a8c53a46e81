"""Refunds of PaymentIntents, as the official client creates them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_payment, a_payment_intent


def test_a_payment_intent_is_refunded_in_parts_and_never_beyond_its_amount(client: Any) -> None:
    paid = a_payment(client)

    part = client.refunds.create({"payment_intent": paid.id, "amount": 400, "reason": "duplicate"})
    halfway = client.charges.retrieve(paid.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.refunds.create({"payment_intent": paid.id, "amount": 601})
    rest = client.refunds.create({"charge": paid.latest_charge, "metadata": {"row": "7"}})
    whole = client.charges.retrieve(paid.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.refunds.create({"payment_intent": paid.id})

    assert (part.amount, part.charge, part.payment_intent) == (400, paid.latest_charge, paid.id)
    assert (rest.amount, rest.payment_intent, rest.metadata["row"]) == (600, paid.id, "7")
    assert (halfway.amount_refunded, halfway.refunded) == (400, False)
    assert (whole.amount_refunded, whole.refunded) == (1000, True)
    assert (too_much.value.code, too_much.value.param) == (None, "amount")
    assert again.value.code == "charge_already_refunded"
    assert client.payment_intents.retrieve(paid.id).status == "succeeded"


def test_refunds_are_listed_by_payment_intent_and_expanded_to_it(client: Any) -> None:
    paid = a_payment(client)
    made = client.refunds.create({"payment_intent": paid.id, "expand": ["payment_intent", "charge"]})

    assert (made.payment_intent.id, made.charge.id) == (paid.id, paid.latest_charge)
    assert [each.id for each in client.refunds.list({"payment_intent": paid.id}).data] == [made.id]


def test_a_partial_capture_is_refunded_up_to_the_captured_amount(client: Any) -> None:
    held = a_payment(client, capture_method="manual")
    client.payment_intents.capture(held.id, {"amount_to_capture": 700})

    with pytest.raises(stripe.InvalidRequestError):
        client.refunds.create({"payment_intent": held.id, "amount": 701})

    assert client.refunds.create({"payment_intent": held.id}).amount == 700


def test_an_unpaid_payment_cannot_be_refunded(client: Any) -> None:
    bare, held = a_payment_intent(client), a_payment(client, capture_method="manual")
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method="pm_card_chargeDeclined")
    failed = declined.value.json_body["error"]

    for what in (
        {"payment_intent": bare.id},
        {"payment_intent": held.id},
        {"charge": held.latest_charge},
        {"payment_intent": failed["payment_intent"]["id"]},
        {"charge": failed["charge"]},
    ):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
            client.refunds.create(what)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "charge"),
        ({"payment_intent": "pi_nothing"}, "resource_missing", "payment_intent"),
        ({"payment_intent": "pi_1", "charge": "ch_1"}, "parameters_exclusive", "charge"),
        ({"payment_intent": "pi_1", "reason": "mood"}, None, "reason"),
        ({"payment_intent": "pi_1", "amount": "1.5"}, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "pi_1", "colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_intent": ""}, "parameter_invalid_empty", "payment_intent"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(
    client: Any, params: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.refunds.create(params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)


@pytest.mark.parametrize("name", ["reverse_transfer", "refund_application_fee"])
def test_only_a_transfer_is_reversed_and_only_a_fee_refunded(client: Any, name: str) -> None:
    shares = {"transfer_data": {"destination": "acct_1SandboxConnected"}, "application_fee_amount": 10}

    plain, shared_out = a_payment(client), a_payment(client, **shares)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.refunds.create({"payment_intent": plain.id, name: True})
    assert refused.value.param == name
    assert client.refunds.create({"payment_intent": shared_out.id, name: True}).amount == 1000


def test_a_refund_shows_its_instructions_email(client: Any) -> None:
    refund = client.refunds.create({"charge": a_charge(client).id, "instructions_email": "ada@example.com"})

    assert refund.instructions_email == "ada@example.com"
