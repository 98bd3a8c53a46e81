from __future__ import annotations

from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.outcome import Rejected

CHARGE: dict[str, Any] = {"amount": 100, "currency": "usd", "source": "tok_visa"}
ADDRESS = {"line1": "1 Main Street"}


def check(action: str, **record: object) -> dict[str, Any]:
    return checked(RecordChecker(ACTIONS[action]), record)


def checked(checker: RecordChecker, record: dict[str, Any]) -> dict[str, Any]:
    """What is sent of a record that passes."""
    picked = checker.pick(record)
    checker.check(picked)
    return picked


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"amount": 1.0}, "amount", "JSON integer in minor units"),
        ({"amount": 1.5}, "amount", "JSON integer in minor units"),
        ({"amount": True}, "amount", "JSON integer in minor units"),
        ({"amount": "100"}, "amount", "JSON integer in minor units"),
        ({"amount": 0}, "amount", "positive"),
        ({"amount": -5}, "amount", "positive"),
        ({"amount": 10**8}, "amount", "at most 8 digits"),
        ({"amount": 10**30}, "amount", "at most 8 digits"),
        ({"amount": float("nan")}, "amount", "JSON integer in minor units"),
        ({"amount": None}, "amount", "is required"),
        ({"amount": 10**12, "currency": "idr"}, "amount", "."),
        ({"amount": 101, "currency": "kwd"}, "amount", "last digit of amount must be 0"),
        ({"amount": 150, "currency": "ISK"}, "amount", "multiple of 100"),
        ({"currency": "dollars"}, "currency", "three-letter"),
        ({"currency": "usd\n"}, "currency", "three-letter"),
        ({"currency": 840}, "currency", "three-letter"),
        ({"source": None}, "source", "needs a source or a customer"),
        ({"source": {"object": "card", "number": "4242424242424242"}}, "source", "card number never"),
        ({"source": "4242 4242 4242 4242"}, "source", "card number never"),
        ({"customer": 7.5}, "customer", "must be a text"),
        ({"description": "x" * 40_001}, "description", "at most 40000 characters"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor", "at most 22 characters"),
        ({"capture": "true"}, "capture", "must be a boolean"),
        ({"description": "\ud800"}, "description", "half of a character pair"),
        ({"metadata": {"k": 1}}, "metadata.k", "metadata takes"),
        ({"metadata": {"k": "x" * 501}}, "metadata.k", "metadata takes"),
        ({"metadata": {"a[b]": "x"}}, "metadata", "without brackets"),
        ({"metadata": {"x" * 41: "x"}}, "metadata", "at most 40 characters"),
        ({"metadata": {f"k{number}": "x" for number in range(50)}}, "metadata", "at most 49 keys"),
        ({"metadata": "x"}, "metadata", "metadata takes"),
        ({"shipping": {"phone": "1"}}, "shipping.address", "this rule is stripe-flow's, not Stripe's"),
        ({"shipping": {"name": "Ann"}}, "shipping.address", "this rule is stripe-flow's"),
        (
            {"shipping": {"name": "Ann", "address": {"city": "X"}}},
            "shipping.address.line1",
            "this rule is stripe-flow's",
        ),
        ({"shipping": {"name": "", "address": ADDRESS}}, "shipping.name", "this rule is stripe-flow's"),
        ({"shipping": {"address": ADDRESS}}, "shipping.name", "this rule is stripe-flow's"),
        ({"shipping": "home"}, "shipping", "must be an object"),
        ({"transfer_data": {"amount": 5}}, "transfer_data.destination", "is required"),
    ],
)
def test_a_charge_that_cannot_be_sent_is_rejected_by_field(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        check("charges", **(CHARGE | changes))

    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 99_999_999},
        {"amount": 999_999_999_999, "currency": "idr"},
        {"amount": 110, "currency": "kwd"},
        {"amount": 200, "currency": "isk"},
        {"source": None, "customer": "cus_1"},
        {"shipping": {"name": "Ann", "address": ADDRESS}},
        {"metadata": {f"k{number}": "x" for number in range(49)}},
        {"metadata": {"stripe_flow": "an older marker"} | {f"k{number}": "x" for number in range(49)}},
    ],
)
def test_a_charge_at_the_limit_passes(changes: dict[str, Any]) -> None:
    assert check("charges", **(CHARGE | changes))["amount"]


def test_a_customer_may_be_named_by_a_number() -> None:
    assert check("charges", amount=100, currency="usd", customer=7)["customer"] == "7"


def test_the_currency_is_written_in_lower_case() -> None:
    assert check("charges", **(CHARGE | {"currency": "USD"}))["currency"] == "usd"


def test_nulls_and_what_consists_of_nulls_are_absent() -> None:
    nothing = {"name": None, "address": {"line1": None, "city": None}}

    assert check("charges", **CHARGE, description=None, shipping=nothing, metadata={"a": None}) == CHARGE


def test_other_fields_are_dropped_and_remembered_once() -> None:
    checker = RecordChecker(ACTIONS["customers"])

    record = {"id": "c-1", "name": "Ann", "shoe": 3, "address": {"line1": "x", "planet": "Earth"}}
    checked(checker, record)

    assert checked(checker, record) == {"name": "Ann", "address": {"line1": "x"}}
    assert checker.dropped == {"id", "shoe", "address.planet"}


def test_an_incoming_marker_is_not_taken_over() -> None:
    assert check("customers", metadata={"stripe_flow": "forged", "plan": "a"}) == {"metadata": {"plan": "a"}}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_deletion_is_not_an_order(action: str) -> None:
    """Of what was never sent, it would make an empty object."""
    with pytest.raises(Rejected, match="was deleted"):
        check(action, id="cus_1", object="thing", deleted=True)


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.is_changeable])
def test_customers_and_products_may_be_copied(action: str) -> None:
    assert check(action, object=action[:-1], name="Copy", livemode=False)["name"] == "Copy"


def test_a_product_needs_a_name() -> None:
    with pytest.raises(Rejected, match="is required") as caught:
        check("products", description="nameless")

    assert caught.value.field == "name"


def test_the_id_of_a_product_is_only_its_source_key() -> None:
    assert check("products", id="p-1", name="Shirt") == {"name": "Shirt"}


def test_dimensions_may_be_fractions() -> None:
    size = {"height": 1.5, "length": 2, "weight": 0.25, "width": 3}

    assert check("products", name="Box", package_dimensions=size)["package_dimensions"] == size


def test_an_infinite_dimension_is_rejected() -> None:
    size = {"height": float("inf"), "length": 2, "weight": 1, "width": 3}

    with pytest.raises(Rejected, match="finite") as caught:
        check("products", name="Box", package_dimensions=size)

    assert caught.value.field == "package_dimensions.height"


def test_a_customer_to_find_is_named_by_its_id() -> None:
    assert check("customers", stripe_id="cus_1") == {"stripe_id": "cus_1"}
    with pytest.raises(Rejected, match="cus_…"):
        check("customers", stripe_id="../charges")


def test_a_reason_never_shows_the_value() -> None:
    for changes in (
        {"amount": "canary"},
        {"currency": "canary"},
        {"metadata": {"k": ["canary"]}},
        {"capture": "canary"},
    ):
        with pytest.raises(Rejected) as caught:
            check("charges", **(CHARGE | changes))

        assert "canary" not in str(caught.value)
