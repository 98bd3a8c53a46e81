"""A customer's saved cards under `/v1/customers/{id}/sources`, and the test tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
import stripe

from stripe_flow_sandbox.objects.tokens import EVERY_TOKEN
from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_payment, outcome
from tests.stripe_flow_sandbox.test_contract_refusals import refusal
from tests.support.plugins import ROOT
from tests.support.sandbox import Sandbox


def listed(client: Any, customer: str) -> list[str]:
    return [each.id for each in client.customers.payment_sources.list(customer).data]


def test_a_card_is_made_read_charged_and_deleted(client: Any) -> None:
    customer = a_customer(client, source=None)
    sources = client.customers.payment_sources

    card = sources.create(customer.id, {"source": "tok_mastercard", "metadata": {"row": "7"}})
    found = sources.retrieve(customer.id, card.id)
    paid = a_charge(client, customer=customer.id, source=card.id)
    gone = sources.delete(customer.id, card.id)

    assert (card.object, card.customer, card.brand, card.metadata["row"]) == ("card", customer.id, "MasterCard", "7")
    assert found.to_dict() == card.to_dict()
    assert paid.source.id == card.id
    assert (gone.id, gone.deleted) == (card.id, True)
    assert refusal(lambda: sources.retrieve(customer.id, card.id)) == (404, "resource_missing", "id")
    assert refusal(lambda: a_charge(client, customer=customer.id, source=card.id)) == (404, "missing", "source")


def test_the_first_card_is_the_default_and_another_takes_over_once_it_is_deleted(client: Any) -> None:
    customer = a_customer(client, source=None)
    sources = client.customers.payment_sources

    first, second = (sources.create(customer.id, {"source": token}).id for token in ("tok_visa", "tok_amex"))
    defaults = [client.customers.retrieve(customer.id).default_source]
    assert set(listed(client, customer.id)) == {first, second}
    for card in (first, second):
        sources.delete(customer.id, card)
        defaults.append(client.customers.retrieve(customer.id).default_source)

    assert defaults == [first, second, None]
    assert listed(client, customer.id) == []


def test_a_new_source_of_a_customer_replaces_the_default(client: Any) -> None:
    customer = a_customer(client)

    changed = client.customers.update(customer.id, {"source": "tok_amex"})

    assert listed(client, customer.id) == [changed.default_source] != [customer.default_source]
    assert client.payment_methods.retrieve(customer.default_source).customer is None


def test_sources_are_listed_by_their_type_and_page_by_page(client: Any) -> None:
    customer = a_customer(client)
    sources = client.customers.payment_sources
    second = sources.create(customer.id, {"source": "tok_amex"}).id
    by_type = {kind: sources.list(customer.id, {"object": kind}).data for kind in ("card", "bank_account")}

    first_page = sources.list(customer.id, {"limit": 1})
    rest = sources.list(customer.id, {"limit": 1, "starting_after": first_page.data[0].id})

    assert {each.id for each in by_type["card"]} == {second, customer.default_source}
    assert by_type["bank_account"] == []
    assert (first_page.has_more, rest.has_more) == (True, False)
    assert {first_page.data[0].id, rest.data[0].id} == {second, customer.default_source}


def test_a_detached_card_is_no_source_any_more(client: Any) -> None:
    customer = a_customer(client)

    client.payment_methods.detach(customer.default_source)

    assert (listed(client, customer.id), client.customers.retrieve(customer.id).default_source) == ([], None)


def test_a_seeded_customers_card_is_read_and_deleted(seeded_sandbox: Sandbox) -> None:
    client = a_client(seeded_sandbox)
    customer = client.customers.list({"limit": 1}).data[0]
    sources = client.customers.payment_sources

    more = sources.create(customer.id, {"source": "tok_visa"})
    assert listed(client, customer.id) == [more.id, customer.default_source]
    sources.delete(customer.id, customer.default_source)

    assert listed(client, customer.id) == [more.id]
    assert client.customers.retrieve(customer.id).default_source == more.id


def test_each_change_has_its_event(client: Any) -> None:
    customer = a_customer(client, source=None)
    card = client.customers.payment_sources.create(customer.id, {"source": "tok_visa"})
    client.customers.payment_sources.delete(customer.id, card.id)

    events = client.events.list({"type": "customer.source.*", "limit": 100}).data
    assert {each.type for each in events if each.data.object.id == card.id} == {
        "customer.source.created",
        "customer.source.deleted",
    }


@pytest.mark.parametrize(
    ("source", "code", "param"),
    [
        (None, "parameter_missing", "source"),
        ("", "parameter_invalid_empty", "source"),
        ("tok_nothing", "resource_missing", "source"),
        ({"object": "card", "number": "1"}, None, "source"),
    ],
)
def test_a_source_that_is_no_token_is_refused(client: Any, source: Any, code: str | None, param: str) -> None:
    customer = a_customer(client, source=None)
    params = {} if source is None else {"source": source}

    assert refusal(lambda: client.customers.payment_sources.create(customer.id, params)) == (400, code, param)
    assert listed(client, customer.id) == []


def test_a_card_that_its_bank_declines_is_not_saved(client: Any) -> None:
    customer = a_customer(client, source=None)

    with pytest.raises(stripe.CardError):
        client.customers.payment_sources.create(customer.id, {"source": "tok_chargeDeclined"})

    assert listed(client, customer.id) == []


def test_a_deleted_customer_has_no_sources(client: Any) -> None:
    deleted = a_customer(client).id
    client.customers.delete(deleted)

    refused = refusal(lambda: client.customers.payment_sources.create(deleted, {"source": "tok_visa"}))

    assert refused == (404, "resource_missing", "id")


@pytest.mark.parametrize("token", sorted(EVERY_TOKEN))
def test_every_token_ends_as_its_card_does(client: Any, token: str) -> None:
    card = EVERY_TOKEN[token]

    error = outcome(lambda: a_charge(client, source=token))

    if card.decline is None and not card.needs_authentication:
        charge = client.charges.list({"limit": 1}).data[0]
        checks = charge.payment_method_details.card.checks
        assert error is None
        assert (charge.status, charge.outcome.risk_level) == ("succeeded", card.risk)
        assert (checks.cvc_check, checks.address_line1_check) == (card.cvc_check, card.line1_check)
        assert (charge.source.cvc_check, charge.source.address_zip_check) == (card.cvc_check, card.zip_check)
    else:
        assert isinstance(error, stripe.CardError)
        failed = client.charges.retrieve(error.json_body["error"]["charge"])
        assert failed.outcome.type == ("blocked" if card.decline and card.decline.is_blocked else "issuer_declined")


@pytest.mark.parametrize("risk", ["Elevated", "Highest"])
def test_a_risk_is_the_same_by_token_and_by_payment_method(client: Any, risk: str) -> None:
    def level(run: Any) -> str:
        error = outcome(run)
        failed = error.json_body["error"]["charge"] if isinstance(error, stripe.CardError) else None
        charge = client.charges.retrieve(failed) if failed else client.charges.list({"limit": 1}).data[0]
        return str(charge.outcome.risk_level)

    by_token = level(lambda: a_charge(client, source=f"tok_riskLevel{risk}"))
    by_method = level(lambda: a_payment(client, payment_method=f"pm_card_riskLevel{risk}"))

    assert by_token == by_method == risk.lower()


def test_the_page_names_every_token_and_no_other() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")

    [text] = re.findall(r"The test tokens are `tok_` and (.*?)\n\n", page, re.DOTALL)
    named = set()
    for group in " ".join(text.split()).split(";"):
        first, *others = re.findall(r"`(\w+)`", group)
        named |= {f"tok_{first}", *(f"tok_{first if 'alone and with' in group else ''}{each}" for each in others)}

    assert named == set(EVERY_TOKEN)
