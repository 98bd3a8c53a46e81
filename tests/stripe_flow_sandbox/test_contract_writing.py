"""Writing calls whose answers Stripe's documentation and users' reports describe: holds, refunds, descriptors."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_customer, a_payment, a_payment_intent
from tests.stripe_flow_sandbox.test_contract_refusals import refusal
from tests.support.sandbox import Sandbox


@pytest.mark.parametrize("amount", [1, 999])
def test_a_part_of_a_charge_that_is_only_held_cannot_be_refunded(client: Any, amount: int) -> None:
    held = a_charge(client, capture=False)

    refused = refusal(lambda: client.refunds.create({"charge": held.id, "amount": amount}))

    assert refused == (400, None, "amount")
    assert client.charges.retrieve(held.id).amount_refunded == 0


def test_a_voided_charge_cannot_be_captured(client: Any) -> None:
    held = a_charge(client, capture=False)
    client.refunds.create({"charge": held.id, "amount": 1000})

    assert refusal(lambda: client.charges.capture(held.id)) == (400, "charge_already_refunded", None)
    assert (client.charges.retrieve(held.id).captured, client.charges.retrieve(held.id).refunded) == (False, True)


@pytest.mark.parametrize("amount", [12, 49])
def test_less_than_the_smallest_charge_cannot_be_captured(client: Any, amount: int) -> None:
    held, intent = a_charge(client, capture=False), a_payment(client, capture_method="manual")

    charge = refusal(lambda: client.charges.capture(held.id, {"amount": amount}))
    payment = refusal(lambda: client.payment_intents.capture(intent.id, {"amount_to_capture": amount}))

    assert charge == (400, "amount_too_small", "amount")
    assert payment == (400, "amount_too_small", "amount_to_capture")
    assert client.charges.capture(held.id, {"amount": 50}).amount_captured == 50
    assert client.payment_intents.capture(intent.id, {"amount_to_capture": 50}).amount_received == 50


def test_a_refund_shows_customer_and_payment_method_of_its_charge(client: Any) -> None:
    customer = a_customer(client)
    charges = [
        a_charge(client),
        a_charge(client, customer=customer.id, source=None),
        client.charges.retrieve(a_payment(client).latest_charge),
    ]

    for charge in charges:
        refund = client.refunds.create({"charge": charge.id, "amount": 500})
        assert (refund.customer, refund.payment_method) == (charge.customer, charge.payment_method)
        assert refund.payment_method is not None


def test_a_seeded_refund_does_so_too(seeded_sandbox: Sandbox) -> None:
    charges = {each["id"]: each for each in seeded_sandbox.objects("charge")}
    refunds = seeded_sandbox.objects("refund")

    assert refunds
    for refund in refunds:
        charge = charges[refund["charge"]]
        assert (refund["customer"], refund["payment_method"]) == (charge["customer"], charge["payment_method"])


@pytest.mark.parametrize(
    ("params", "suffix", "shown"),
    [
        ({}, None, "SANDBOX"),
        ({"statement_descriptor": "ORDER 7"}, "ORDER 7", "SANDBOX* ORDER 7"),
        ({"statement_descriptor_suffix": "ORDER 8"}, "ORDER 8", "SANDBOX* ORDER 8"),
        ({"statement_descriptor": "A", "statement_descriptor_suffix": "B"}, "B", "SANDBOX* B"),
        ({"statement_descriptor": "A LONG DESCRIPTOR 123"}, "A LONG DESCRIPTOR 123", "SANDBOX* A LONG DESCRI"),
    ],
)
def test_a_card_charges_descriptor_is_prefix_and_suffix(
    client: Any, params: dict[str, str], suffix: str | None, shown: str
) -> None:
    made = a_charge(client, **params)

    assert made.statement_descriptor == params.get("statement_descriptor")
    assert (made.statement_descriptor_suffix, made.calculated_statement_descriptor) == (suffix, shown)
    prefix = client.accounts.retrieve_current().settings.card_payments.statement_descriptor_prefix
    assert shown.startswith(prefix)


def test_a_payment_intents_suffix_and_that_of_a_capture_are_shown(client: Any) -> None:
    paid = a_payment(client, statement_descriptor_suffix="ORDER 9")
    held = a_charge(client, capture=False)

    captured = client.charges.capture(held.id, {"statement_descriptor_suffix": "LATER"})

    assert client.charges.retrieve(paid.latest_charge).calculated_statement_descriptor == "SANDBOX* ORDER 9"
    assert captured.calculated_statement_descriptor == "SANDBOX* LATER"


def test_a_debit_has_no_calculated_descriptor(client: Any) -> None:
    paid = a_payment(
        client,
        payment_method="pm_usBankAccount_success",
        allowed_payment_method_types=["us_bank_account"],
        error_on_requires_action=None,
        statement_descriptor="ORDER 7",
    )

    charge = client.charges.retrieve(paid.latest_charge)
    assert (charge.statement_descriptor, charge.calculated_statement_descriptor) == ("ORDER 7", None)


def test_unknown_objects_are_named_by_the_parameter_of_the_call(client: Any) -> None:
    customer = a_customer(client)

    assert refusal(lambda: client.refunds.create({"charge": "ch_no"})) == (404, "resource_missing", "id")
    assert refusal(lambda: client.charges.capture("ch_no")) == (404, "resource_missing", "charge")
    unknown = refusal(lambda: client.customers.update(customer.id, {"default_source": "card_no"}))
    assert unknown == (400, "resource_missing", "source")


@pytest.mark.parametrize("source", ["card_no", "tok_visa", "another's"])
def test_a_source_that_the_customer_does_not_have_is_missing(client: Any, source: str) -> None:
    customer, another = a_customer(client), a_customer(client)
    named = another.default_source if source == "another's" else source

    refused = refusal(lambda: a_charge(client, customer=customer.id, source=named))

    assert refused == (404, "missing", "source")


def test_all_of_a_held_charge_can_be_refunded(client: Any) -> None:
    held = a_charge(client, capture=False)

    assert client.refunds.create({"charge": held.id}).amount == 1000
    with pytest.raises(stripe.InvalidRequestError):
        client.refunds.create({"charge": a_payment_intent(client).id})
