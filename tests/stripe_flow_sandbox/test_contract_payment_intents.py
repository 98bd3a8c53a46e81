"""PaymentIntents as the official client pays, holds, captures, cancels and refunds them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_keys_file, a_payment, a_payment_intent
from tests.support.sandbox import PLATFORM, Sandbox


@pytest.mark.parametrize(
    ("method", "brand"),
    [("pm_card_visa", "visa"), ("pm_card_mastercard", "mastercard"), ("pm_card_amex", "amex")],
)
def test_a_test_payment_method_pays_at_once_and_leaves_a_charge(client: Any, method: str, brand: str) -> None:
    paid = a_payment(client, payment_method=method)

    charge = client.charges.retrieve(paid.latest_charge)
    assert (paid.status, paid.amount_received, paid.amount_capturable) == ("succeeded", 1000, 0)
    assert (charge.status, charge.paid, charge.captured, charge.amount_captured) == ("succeeded", True, True, 1000)
    assert (charge.payment_intent, charge.payment_method) == (paid.id, paid.payment_method)
    assert charge.payment_method_details.card.brand == brand
    assert paid.payment_method.startswith("pm_1")


def test_a_token_pays_as_payment_method_data(client: Any) -> None:
    paid = a_payment(client, payment_method_data={"type": "card", "card": {"token": "tok_mastercard"}})

    method = client.payment_methods.retrieve(paid.payment_method)
    assert (paid.status, method.card.brand, method.card.last4) == ("succeeded", "mastercard", "4444")


def test_a_charge_takes_over_what_its_payment_intent_says_and_keeps_it(client: Any) -> None:
    described = {
        "description": "Order 7",
        "metadata": {"row": "7"},
        "receipt_email": "ada@example.com",
        "shipping": {"name": "Ada", "address": {"line1": "1 St"}},
        "statement_descriptor_suffix": "ROW 7",
        "transfer_group": "seven",
        "transfer_data": {"destination": "acct_1SandboxConnected", "amount": 900},
        "on_behalf_of": "acct_1SandboxConnected",
        "application_fee_amount": None,
    }
    paid = a_payment(client, **described, radar_options={"session": "rse_1"})
    client.payment_intents.update(paid.id, {"metadata": {"row": "8"}})

    charge = client.charges.retrieve(paid.latest_charge)
    shown = charge.to_dict()
    assert {name: shown[name] for name in ("description", "metadata", "receipt_email", "transfer_group")} == {
        name: described[name] for name in ("description", "metadata", "receipt_email", "transfer_group")
    }
    assert (charge.shipping.address.line1, charge.statement_descriptor_suffix) == ("1 St", "ROW 7")
    assert (charge.transfer_data.amount, charge.on_behalf_of) == (900, "acct_1SandboxConnected")
    assert charge.radar_options.session == "rse_1"
    assert client.payment_intents.retrieve(paid.id).metadata["row"] == "8"


def test_a_saved_card_pays_together_with_its_customer(client: Any) -> None:
    customer = a_customer(client)

    paid = a_payment(client, customer=customer.id, payment_method=customer.default_source)

    charge = client.charges.retrieve(paid.latest_charge)
    assert (charge.payment_method, charge.customer) == (customer.default_source, customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="Please include the Customer"):
        a_payment(client, payment_method=customer.default_source)
    with pytest.raises(stripe.InvalidRequestError, match="does not belong") as refused:
        a_payment(client, customer=a_customer(client).id, payment_method=customer.default_source)
    assert refused.value.param == "payment_method"


def test_a_seeded_customers_card_pays(seeded_sandbox: Sandbox) -> None:
    client = a_client(seeded_sandbox)
    customer = client.customers.list({"limit": 1}).data[0]

    assert a_payment(client, customer=customer.id, payment_method=customer.default_source).status == "succeeded"


def test_without_a_payment_method_the_default_source_pays_but_no_default_payment_method(client: Any) -> None:
    # https://docs.stripe.com/api/payment_intents/create#create_payment_intent-payment_method
    with_source, without = a_customer(client), a_customer(client, source=None)
    method = client.payment_methods.attach("pm_card_visa", {"customer": without.id})
    client.customers.update(without.id, {"invoice_settings": {"default_payment_method": method.id}})

    by_source = a_payment(client, customer=with_source.id, payment_method=None)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        a_payment(client, customer=without.id, payment_method=None)

    assert (by_source.status, by_source.source, by_source.payment_method) == (
        "succeeded",
        with_source.default_source,
        None,
    )
    assert client.charges.retrieve(by_source.latest_charge).source.id == with_source.default_source
    assert refused.value.code == "payment_intent_unexpected_state"
    assert client.payment_intents.list({"customer": without.id}).data == []


def test_a_payment_intent_is_created_and_confirmed_later(client: Any) -> None:
    bare = a_payment_intent(client)
    chosen = client.payment_intents.update(bare.id, {"payment_method": "pm_card_visa", "amount": 1200})

    paid = client.payment_intents.confirm(bare.id)

    assert (bare.status, chosen.status, paid.status) == (
        "requires_payment_method",
        "requires_confirmation",
        "succeeded",
    )
    assert (bare.latest_charge, paid.amount_received) == (None, 1200)
    assert bare.client_secret.startswith(f"{bare.id}_secret_")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.confirm(bare.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.json_body["error"]["payment_intent"]["status"] == "succeeded"


def test_a_payment_intent_needs_a_payment_method_to_be_confirmed(client: Any) -> None:
    bare = a_payment_intent(client)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.confirm(bare.id)

    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.json_body["error"]["payment_intent"]["id"] == bare.id


def test_manual_capture_holds_the_money_until_it_is_captured_in_part(client: Any) -> None:
    held = a_payment(client, capture_method="manual")
    charge = client.charges.retrieve(held.latest_charge)

    captured = client.payment_intents.capture(held.id, {"amount_to_capture": 700, "metadata": {"step": "2"}})

    after = client.charges.retrieve(held.latest_charge)
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1000, 0)
    assert (charge.status, charge.captured, charge.amount_captured) == ("succeeded", False, 0)
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 700, 0)
    assert captured.metadata["step"] == "2"
    assert (after.captured, after.amount_captured, after.amount_refunded) == (True, 700, 300)


def test_no_more_is_captured_than_is_held_and_only_once(client: Any) -> None:
    held = a_payment(client, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.payment_intents.capture(held.id, {"amount_to_capture": 1001})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a PaymentIntent"):
        client.charges.capture(held.latest_charge)
    client.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.payment_intents.capture(held.id)

    assert too_much.value.code == "amount_too_large"
    assert again.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize("params", [{}, {"payment_method": "pm_card_visa"}, {"capture_method": "manual"}])
def test_an_unpaid_payment_can_be_canceled_and_a_held_amount_is_refunded(client: Any, params: dict[str, Any]) -> None:
    made = a_payment(client, **params) if "capture_method" in params else a_payment_intent(client, **params)

    canceled = client.payment_intents.cancel(made.id, {"cancellation_reason": "duplicate"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    assert canceled.canceled_at >= made.created
    if made.latest_charge:
        charge = client.charges.retrieve(made.latest_charge)
        assert (charge.captured, charge.amount_refunded, charge.refunded) == (False, 1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.cancel(made.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_paid_payment_can_be_described_but_not_canceled_or_changed_in_amount(client: Any) -> None:
    paid = a_payment(client)

    with pytest.raises(stripe.InvalidRequestError) as canceled:
        client.payment_intents.cancel(paid.id)
    with pytest.raises(stripe.InvalidRequestError) as changed:
        client.payment_intents.update(paid.id, {"amount": 1})
    described = client.payment_intents.update(paid.id, {"description": "late"})

    assert canceled.value.code == changed.value.code == "payment_intent_unexpected_state"
    assert changed.value.param == "amount"
    assert described.description == "late"


def test_payment_intents_are_listed_by_customer_and_by_created(client: Any) -> None:
    customer = a_customer(client)
    made = [a_payment_intent(client, customer=customer.id) for _ in range(3)]
    a_payment_intent(client)

    found = client.payment_intents.list({"customer": customer.id, "limit": 2}).auto_paging_iter()

    assert [each.id for each in found] == [each.id for each in reversed(made)]
    assert client.payment_intents.list({"customer": customer.id, "created": {"lt": made[0].created}}).data == []


def test_a_payment_expands_its_charge_customer_and_payment_method(client: Any) -> None:
    customer = a_customer(client)
    names = ["latest_charge.payment_intent", "customer", "payment_method"]

    paid = a_payment(client, customer=customer.id, expand=names)

    assert paid.latest_charge.payment_intent.id == paid.id
    assert (paid.customer.email, paid.payment_method.type) == ("ada@example.com", "card")
    assert client.charges.list({"payment_intent": paid.id}).data[0].id == paid.latest_charge.id


def test_an_account_that_cannot_create_charges_takes_payment_intents(tmp_path: Any) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {"can_create_charges": False}}, {Sandbox.key: {}})

    with Sandbox("--keys", keys) as sandbox:
        paid = a_payment(a_client(sandbox))

        assert paid.status == "succeeded"
        assert [each["id"] for each in sandbox.objects("charge")] == [paid.latest_charge]
