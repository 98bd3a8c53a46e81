"""Every operation on every object, as the official client drives it, and the shape of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import Any

import msgspec
import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_payment, a_price
from tests.support.sandbox import Sandbox

NOUNS = ("charge", "refund", "customer", "payment_intent", "payment_method", "price", "product")

# Fields that Stripe sends only when they are expanded or have a value, or only of what was deleted.
NOT_SHOWN = {
    "charge": {"authorization_code", "level3", "presentment_details", "refunds", "transfer"},
    "customer": {
        "business_name",
        "cash_balance",
        "deleted",
        "individual_name",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    "payment_intent": {"hooks", "payment_details", "presentment_details"},
    "payment_method": {"radar_options", "sepa_debit", "us_bank_account"},
    "price": {"currency_options", "deleted", "tiers"},
    "product": {"deleted"},
    "refund": {
        "description",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "pending_reason",
        "presentment_details",
    },
}

MAKERS: Mapping[str, Callable[[Any], Any]] = {
    "charge": lambda client: a_charge(client, customer=a_customer(client).id, source=None, metadata={"order": "1"}),
    "refund": lambda client: client.refunds.create({"charge": a_charge(client).id, "reason": "duplicate"}),
    "customer": lambda client: a_customer(client, name="Ada", shipping={"name": "Ada", "address": {"line1": "1 St"}}),
    "payment_intent": lambda client: a_payment(client, shipping={"name": "Ada", "address": {"line1": "1 St"}}),
    "payment_method": lambda client: client.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}),
    "price": lambda client: a_price(client, recurring={"interval": "month"}),
    "product": lambda client: client.products.create({"name": "Chair", "package_dimensions": a_size()}),
}


def a_size() -> dict[str, str]:
    return {"height": "1.25", "length": "2", "weight": "3", "width": "4"}


def described(noun: str) -> dict[str, Any]:  # Any: the data file as it is
    file = resources.files("stripe_flow_sandbox").joinpath("data", f"fields_{noun}.json")
    fields: dict[str, Any] = msgspec.json.decode(file.read_bytes())["fields"]
    return fields


def wrongs(value: Mapping[str, Any], fields: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What of an object is not as the fields say: unknown, null where it cannot be, another type."""
    types = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "list_object": dict}
    for name, inner in value.items():
        if name not in fields:
            yield f"{path}{name} is no field"
        elif inner is None:
            yield from () if fields[name]["nullable"] else [f"{path}{name} is null"]
        elif fields[name]["type"] in types and not isinstance(inner, types[fields[name]["type"]]):
            yield f"{path}{name} is {type(inner).__name__}"
        elif fields[name].get("fields") and isinstance(inner, dict):
            yield from wrongs(inner, fields[name]["fields"], f"{path}{name}.")


@pytest.mark.parametrize("noun", NOUNS)
def test_an_object_has_exactly_the_fields_of_todays_api(client: Any, noun: str) -> None:
    made = MAKERS[noun](client).to_dict()

    assert set(made) == set(described(noun)) - NOT_SHOWN[noun]
    assert list(wrongs(made, described(noun))) == []


@pytest.mark.parametrize("noun", NOUNS)
def test_a_seeded_object_has_exactly_the_fields_of_todays_api(seeded_sandbox: Sandbox, noun: str) -> None:
    for seeded in seeded_sandbox.objects(noun):
        assert set(seeded) == set(described(noun)) - NOT_SHOWN[noun]
        assert list(wrongs(seeded, described(noun))) == []


def test_a_declined_payment_intent_and_its_charge_have_exactly_the_fields_of_todays_api(client: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method="pm_card_chargeDeclined")

    error = declined.value.json_body["error"]
    for shown in (error["payment_intent"], client.charges.retrieve(error["charge"]).to_dict()):
        noun = shown["object"]
        assert set(shown) == set(described(noun)) - NOT_SHOWN[noun]
        assert list(wrongs(shown, described(noun))) == []


def test_a_failed_charge_has_exactly_the_fields_of_todays_api(client: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_charge(client, source="tok_chargeDeclined")

    failed = client.charges.retrieve(declined.value.json_body["error"]["charge"]).to_dict()
    assert set(failed) == set(described("charge")) - NOT_SHOWN["charge"]
    assert list(wrongs(failed, described("charge"))) == []


@pytest.mark.parametrize("noun", NOUNS)
def test_a_created_object_can_be_retrieved(client: Any, noun: str) -> None:
    made = MAKERS[noun](client)

    found = getattr(client, f"{noun}s").retrieve(made.id)

    if noun == "refund":
        assert found.reason == "duplicate"
    assert found.to_dict() == made.to_dict()


@pytest.mark.parametrize("noun", NOUNS)
def test_metadata_is_merged_key_by_key_and_an_empty_value_removes_one(client: Any, noun: str) -> None:
    service = getattr(client, f"{noun}s")
    made = MAKERS[noun](client)
    service.update(made.id, {"metadata": {"a": "1", "b": "2"}})

    changed = service.update(made.id, {"metadata": {"a": "", "c": "3"}})

    assert changed.metadata["b"] == "2"
    assert changed.metadata["c"] == "3"
    assert "a" not in changed.metadata
    assert service.retrieve(made.id).to_dict() == changed.to_dict()


def test_empty_metadata_removes_all_keys(client: Any) -> None:
    made = a_customer(client, metadata={"a": "1"})

    changed = client.customers.update(made.id, {"metadata": ""})

    assert changed.metadata.to_dict() == {}


def test_a_customer_is_updated_and_an_empty_string_unsets(client: Any) -> None:
    made = a_customer(client, name="Ada", phone="1")

    changed = client.customers.update(made.id, {"name": "Blaise", "phone": "", "address": {"line1": "2 St"}})

    assert (changed.name, changed.phone, changed.address.line1, changed.address.city) == ("Blaise", None, "2 St", None)


def test_a_product_is_updated(client: Any) -> None:
    made = client.products.create({"name": "Chair", "id": "chair-1"})

    changed = client.products.update(made.id, {"name": "Stool", "active": False})

    assert (changed.id, changed.name, changed.active) == ("chair-1", "Stool", False)


def test_a_charge_takes_a_description_and_shipping_later(client: Any) -> None:
    made = a_charge(client)

    changed = client.charges.update(
        made.id, {"description": "paid", "shipping": {"name": "Ada", "address": {"line1": "1 St"}}}
    )

    assert (changed.description, changed.shipping.name, changed.shipping.carrier) == ("paid", "Ada", None)


def test_a_deleted_customer_answers_that_it_is_deleted(client: Any) -> None:
    made = a_customer(client, email="deleted@example.com")

    deleted = client.customers.delete(made.id)
    found = client.customers.retrieve(made.id)

    assert deleted.to_dict() == {"id": made.id, "object": "customer", "deleted": True}
    assert found.to_dict() == deleted.to_dict()
    assert client.customers.list({"email": "deleted@example.com"}).data == []


def test_a_deleted_product_is_listed_no_more(client: Any) -> None:
    made = client.products.create({"name": "Chair", "url": "https://example.com/chair"})

    client.products.delete(made.id)

    assert client.products.list({"url": "https://example.com/chair"}).data == []


def test_a_product_id_that_is_taken_is_refused(client: Any) -> None:
    client.products.create({"name": "Chair", "id": "chair-2"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.products.create({"name": "Chair", "id": "chair-2"})

    assert (refused.value.http_status, refused.value.code) == (400, "resource_already_exists")


def test_the_id_of_a_deleted_product_can_be_taken_again(client: Any) -> None:
    for name in ("Chair", "Table"):
        client.products.create({"name": name, "id": "chair-3"})
        assert client.products.retrieve("chair-3").name == name
        client.products.delete("chair-3")


def test_numbers_with_a_fraction_stay_decimal(client: Any) -> None:
    made = client.products.create({"name": "Box", "package_dimensions": a_size()})

    assert '"height": 1.25,' in made.last_response.body


def test_answers_are_indented_over_many_lines_as_stripes_are(client: Any) -> None:
    answer = a_charge(client).last_response.body

    assert answer.startswith('{\n  "')
    assert '\n      "city": null' in answer


def test_events_and_accounts_cannot_be_written(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.events._request("post", "/v1/events", base_address="api", params={})  # noqa: SLF001 - no such method


def test_an_unknown_id_answers_404(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.customers.retrieve("cus_nobody")

    assert (missing.value.http_status, missing.value.code, missing.value.param) == (404, "resource_missing", "id")
    for service, param in ((client.payment_intents, "intent"), (client.prices, "price")):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            service.retrieve("nothing")
        assert (missing.value.http_status, missing.value.param) == (404, param)


def test_the_keys_own_account_can_be_read(shared: Sandbox) -> None:
    account = a_client(shared).accounts.retrieve_current()

    assert (account.object, account.charges_enabled) == ("account", True)


def test_an_error_links_to_its_page_and_to_its_line_in_the_log(client: Any, shared: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.charges.retrieve("ch_nothing")

    error = refused.value.json_body["error"]
    assert error["doc_url"].endswith("#resource-missing")
    assert error["request_log_url"].startswith(f"{shared.url}/")
    assert error["request_log_url"].endswith(refused.value.request_id)


def test_a_customers_phone_is_not_the_one_for_shipping(client: Any) -> None:
    made = a_customer(client, phone="1", shipping={"name": "Ada", "address": {"line1": "1 St"}, "phone": "2"})

    assert (made.phone, made.shipping.phone) == ("1", "2")
