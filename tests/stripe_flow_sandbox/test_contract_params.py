"""The parameters of each call are those of the official client's types, and an update changes each of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import stripe
from stripe.params import (
    ChargeCreateParams,
    CustomerCreateParams,
    CustomerUpdateParams,
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentUpdateParams,
    PaymentMethodCreateParams,
    PriceCreateParams,
    PriceUpdateParams,
    ProductCreateParams,
    ProductUpdateParams,
    RefundCreateParams,
)

from stripe_flow_sandbox.parameters.accepted import create_params
from stripe_flow_sandbox.service.operations import OPERATIONS
from tests.stripe_flow_sandbox.builders import a_customer, a_price, a_product

NEW = [
    (ChargeCreateParams, 19),
    (CustomerCreateParams, 23),
    (PaymentIntentCreateParams, 37),
    (PaymentMethodCreateParams, 66),
    (PriceCreateParams, 19),
    (ProductCreateParams, 17),
    (RefundCreateParams, 12),
]

# Path of a call that changes an object → the client's type for it, and what of that the sandbox does not take.
CHANGES = {
    "/v1/customers/{id}": (CustomerUpdateParams, set[str]()),
    "/v1/products/{id}": (ProductUpdateParams, set[str]()),
    "/v1/prices/{id}": (PriceUpdateParams, set[str]()),
    "/v1/payment_intents/{id}": (PaymentIntentUpdateParams, set[str]()),
    "/v1/payment_intents/{id}/confirm": (PaymentIntentConfirmParams, {"amount_details", "amount_to_confirm", "hooks"}),
    "/v1/payment_intents/{id}/capture": (PaymentIntentCaptureParams, {"hooks"}),
}

ADDRESS = {"line1": "1 St", "city": "Ulm", "country": "DE", "line2": "b", "postal_code": "1", "state": "BW"}

# Parameter → what it is changed to, and what an empty string makes of it; "-": it cannot be unset.
CUSTOMER: dict[str, tuple[Any, Any]] = {
    "address": (ADDRESS, None),
    "balance": (-500, "-"),
    "business_name": ("Ada Ltd", None),
    "description": ("first", None),
    "email": ("new@example.com", None),
    "individual_name": ("Ada B", None),
    "invoice_prefix": ("ADA", "-"),
    "metadata": ({"a": "1"}, {}),
    "name": ("Ada", None),
    "next_invoice_sequence": (7, "-"),
    "phone": ("123", None),
    "preferred_locales": (["de", "en"], "-"),
    "shipping": ({"name": "Ada", "address": ADDRESS, "phone": "1"}, None),
    "tax_exempt": ("exempt", "none"),
}
PRODUCT: dict[str, tuple[Any, Any]] = {
    "active": (False, "-"),
    "description": ("soft", None),
    "images": (["https://example.com/a.png"], []),
    "marketing_features": ([{"name": "legs"}], []),
    "metadata": ({"a": "1"}, {}),
    "name": ("Stool", "-"),
    "package_dimensions": ({"height": 1, "length": 2, "weight": 3, "width": 4}, None),
    "shippable": (True, "-"),
    "statement_descriptor": ("STOOL", None),
    "tax_code": ("txcd_1", None),
    "unit_label": ("leg", None),
    "url": ("https://example.com", None),
}
# Those need another object, or nothing of them is shown.
ELSEWHERE = {
    "cash_balance",
    "default_price",
    "default_source",
    "expand",
    "invoice_settings",
    "source",
    "tax",
    "tax_details",
    "validate",
}


def theirs(params: Any) -> set[str]:
    """The names in a type of the official client's parameters."""
    return set(params.__annotations__) - set(stripe.RequestOptions.__annotations__)


def noun_of(params: Any, call: str) -> str:
    name = params.__name__.removesuffix(f"{call}Params")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize(("params", "count"), NEW)
def test_a_create_call_takes_as_many_parameters_as_the_official_clients(params: Any, count: int) -> None:
    assert set(create_params(noun_of(params, "Create"))) == theirs(params)
    assert len(theirs(params)) == count


@pytest.mark.parametrize("path", CHANGES)
def test_a_call_that_changes_takes_what_the_official_client_can_send(path: str) -> None:
    params, left_out = CHANGES[path]

    accepted = next(each.params for each in OPERATIONS if (each.method, each.path) == ("POST", path))

    assert theirs(params) - set(accepted) == left_out


@pytest.mark.parametrize(
    ("noun", "name", "value", "empty"),
    [
        (noun, name, value, empty)
        for noun, table in (("customer", CUSTOMER), ("product", PRODUCT))
        for name, (value, empty) in table.items()
    ],
)
def test_an_update_changes_a_field_and_an_empty_string_unsets_it(
    client: Any, noun: str, name: str, value: Any, empty: Any
) -> None:
    service = getattr(client, f"{noun}s")
    made = a_customer(client) if noun == "customer" else a_product(client)

    changed = service.update(made.id, {name: value}).to_dict()[name]

    assert (changed | value if isinstance(value, dict) else value) == changed
    if empty == "-":
        with pytest.raises(stripe.InvalidRequestError) as refused:
            service.update(made.id, {name: ""})
        assert refused.value.param == name
    else:
        assert service.update(made.id, {name: ""}).to_dict().get(name) == empty


def test_every_parameter_of_an_update_is_in_these_tables() -> None:
    assert set(CUSTOMER) | ELSEWHERE >= theirs(CustomerUpdateParams)
    assert set(PRODUCT) | ELSEWHERE >= theirs(ProductUpdateParams)


def test_an_update_may_name_another_card_or_price(client: Any) -> None:
    customer, product = a_customer(client), a_product(client)
    first = customer.default_source
    price = a_price(client, product=product.id)

    second = client.customers.payment_sources.create(customer.id, {"source": "tok_mastercard"}).id
    client.customers.update(customer.id, {"default_source": second})
    back = client.customers.update(customer.id, {"default_source": first}).default_source
    priced = client.products.update(product.id, {"default_price": price.id}).default_price

    assert second not in (first, None)
    assert (back, priced) == (first, price.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.customers.update(customer.id, {"default_source": a_customer(client).default_source})
    assert refused.value.param == "source"
