"""What an object shows without a value: null where Stripe's description allows it, else nothing.

`a_client` checks every answer of every contract test against the description; here are the ways in which they differ.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_payment, a_price, a_product, outcome
from tests.stripe_flow_sandbox.description import differences
from tests.support.sandbox import Sandbox

SHIPPING = {"name": "Ada", "address": {"line1": "1 St"}}
ADDRESS = {"city": None, "country": None, "line1": "1 St", "line2": None, "postal_code": None, "state": None}

MAKERS: dict[str, Callable[[Any], Any]] = {
    "charge": lambda client: a_charge(client, customer=a_customer(client).id, source=None, shipping=SHIPPING),
    "customer": lambda client: a_customer(client, shipping=SHIPPING),
    "payment_intent": lambda client: a_payment(client, shipping=SHIPPING),
    "payment_method": lambda client: client.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}),
    "price": a_price,
    "product": a_product,
    "refund": lambda client: client.refunds.create({"charge": a_charge(client).id}),
}
LEFT_OUT = {
    "charge": ["authorization_code", "level3", "presentment_details", "transfer"],
    "customer": ["business_name", "individual_name"],
    "refund": [
        "description",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "pending_reason",
        "presentment_details",
    ],
}
EXPANDED = {
    "charge": ["customer", "payment_intent", "refunds"],
    "customer": ["sources", "subscriptions", "tax_ids"],
    "payment_intent": ["customer", "latest_charge", "payment_method"],
    "payment_method": ["customer"],
    "price": ["currency_options", "product", "tiers"],
    "product": ["default_price"],
    "refund": ["charge", "payment_intent"],
}


@pytest.mark.promise("sandbox", "Every answer of the sandbox about objects of the target matches Stripe's description")
@pytest.mark.parametrize("noun", MAKERS)
def test_every_answer_about_an_object_is_as_described(client: Any, shared: Sandbox, noun: str) -> None:
    service = getattr(client, f"{noun}s")
    made = MAKERS[noun](client)

    answers = [
        made,
        service.retrieve(made.id),
        service.retrieve(made.id, {"expand": EXPANDED[noun]}),
        service.update(made.id, {"metadata": {"a": "1"}}),
        service.list({"limit": 2, "expand": [f"data.{name}" for name in EXPANDED[noun]]}),
        *(each for each in client.events.list({"limit": 20}).data if each.data.object.object == noun),
        *shared.objects(noun),
    ]

    for answer in answers:
        body = answer if isinstance(answer, dict) else answer.to_dict()
        assert list(differences(body)) == []
        assert not set(LEFT_OUT.get(noun, ())) & set(body)


@pytest.mark.parametrize("noun", ["charge", "customer", "payment_intent"])
def test_an_address_has_all_members(client: Any, noun: str) -> None:
    assert MAKERS[noun](client).shipping.address.to_dict() == ADDRESS


@pytest.mark.parametrize("name", LEFT_OUT["customer"])
def test_a_name_is_there_once_it_is_given_and_gone_once_it_is_emptied(client: Any, name: str) -> None:
    made = a_customer(client, **{name: "Ada"})

    emptied = client.customers.update(made.id, {name: ""})

    assert (made.to_dict()[name], name in emptied.to_dict()) == ("Ada", False)
    changes = [each.data for each in client.events.list({"type": "customer.updated"}).data]
    [changed] = [each for each in changes if each.object.id == made.id]
    assert changed.previous_attributes.to_dict() == {name: "Ada"}


def test_tiers_are_left_out_of_a_price_without_any(client: Any) -> None:
    made = client.prices.retrieve(a_price(client).id, {"expand": ["tiers"]})

    assert "tiers" not in made.to_dict()


def test_an_error_shows_its_payment_intent_as_described(client: Any) -> None:
    declined = outcome(lambda: a_payment(client, payment_method="pm_card_chargeDeclined"))

    assert isinstance(declined, stripe.CardError)
    assert declined.json_body["error"]["payment_intent"]["payment_record"] is None


def test_a_seeded_account_is_as_described(seeded_sandbox: Sandbox) -> None:
    for noun in (*MAKERS, "event"):
        assert list(differences(seeded_sandbox.objects(noun))) == []
    client = a_client(seeded_sandbox)
    card = client.customers.list({"limit": 1}).data[0]
    assert client.customers.payment_sources.list(card.id).data[0].id == card.default_source


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda body: body.update(level3=None), "level3: is null and must be left out"),
        (lambda body: body.update(colour="red"), "colour is not described"),
        (lambda body: body.pop("customer"), "customer is required and absent"),
        (lambda body: body.update(amount=None), "amount: is null and must be left out"),
        (lambda body: body.update(status="charged"), "'charged' is not a known value"),
        (lambda body: body["payment_method_details"]["card"].pop("wallet"), "wallet is required and absent"),
        (lambda body: body["source"].pop("brand"), "brand is required and absent"),
        (lambda body: body.update(customer={"object": "customer", "deleted": True}), "deleted customer has"),
        (lambda body: body.update(refunds={"object": "list", "data": []}), "list has"),
    ],
)
def test_the_check_finds_each_way_to_differ(client: Any, breaks: Callable[[Any], object], said: str) -> None:
    body = copy.deepcopy(MAKERS["charge"](client).to_dict())

    breaks(body)

    [found] = list(differences({"object": "list", "url": "/", "has_more": False, "data": [body]}))
    assert said in found
