"""Prices as the official client makes, changes and finds them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_price, a_product
from tests.support.sandbox import Sandbox

MONTHLY = {"interval": "month"}
TIERS = [{"up_to": 10, "unit_amount": 500}, {"up_to": "inf", "unit_amount": 400, "flat_amount": 100}]
TIERED = {"unit_amount": None, "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}


def test_a_price_is_paid_once_unless_it_recurs(client: Any) -> None:
    once, monthly = a_price(client, nickname="once"), a_price(client, recurring=MONTHLY)

    assert (once.type, once.recurring, once.billing_scheme, once.tax_behavior) == (
        "one_time",
        None,
        "per_unit",
        "unspecified",
    )
    assert (monthly.type, monthly.recurring.interval, monthly.recurring.interval_count) == ("recurring", "month", 1)
    assert monthly.recurring.usage_type == "licensed"
    assert (once.nickname, once.active) == ("once", True)


@pytest.mark.parametrize(
    ("params", "whole", "exact"),
    [
        ({"unit_amount": 1000}, 1000, "1000"),
        ({"unit_amount": 0}, 0, "0"),
        ({"unit_amount": None, "unit_amount_decimal": "12.5"}, None, "12.5"),
        ({"unit_amount": None, "unit_amount_decimal": "0.000000000001"}, None, "0.000000000001"),
        ({"unit_amount": None, "unit_amount_decimal": "20.0"}, 20, "20"),
    ],
)
def test_an_amount_is_whole_or_a_decimal(client: Any, params: dict[str, Any], whole: int | None, exact: str) -> None:
    made = a_price(client, **params)

    assert (made.unit_amount, made.to_dict()["unit_amount_decimal"]) == (whole, made.unit_amount_decimal)
    assert f'"unit_amount_decimal": "{exact}"' in made.last_response.body


def test_tiers_and_other_currencies_are_shown_when_expanded(client: Any) -> None:
    options = {"eur": {"unit_amount": 900}}

    tiered = a_price(client, **TIERED, recurring=MONTHLY)
    shown = client.prices.retrieve(tiered.id, {"expand": ["tiers"]})
    abroad = a_price(client, currency_options=options, expand=["currency_options"])

    assert (tiered.tiers_mode, tiered.unit_amount, "tiers" in tiered.to_dict()) == ("graduated", None, False)
    assert [(each.up_to, each.unit_amount, each.flat_amount) for each in shown.tiers] == [
        (10, 500, None),
        (None, 400, 100),
    ]
    assert abroad.currency_options["eur"].unit_amount == 900


def test_customers_may_choose_the_amount_and_buy_by_the_dozen(client: Any) -> None:
    chosen = a_price(client, unit_amount=None, custom_unit_amount={"enabled": True, "minimum": 100})
    dozen = a_price(client, transform_quantity={"divide_by": 12, "round": "up"}, tax_behavior="inclusive")

    assert chosen.custom_unit_amount.to_dict() == {"maximum": None, "minimum": 100, "preset": None}
    assert (dozen.transform_quantity.divide_by, dozen.tax_behavior) == (12, "inclusive")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": None}, "parameter_missing", "currency"),
        ({"currency": "xxx"}, None, "currency"),
        ({"unit_amount": None}, None, "unit_amount"),
        ({"unit_amount": -1}, "parameter_invalid_integer", "unit_amount"),
        ({"unit_amount": "1.5"}, "parameter_invalid_integer", "unit_amount"),
        ({"unit_amount_decimal": "5"}, "parameters_exclusive", "unit_amount"),
        ({"unit_amount": None, "unit_amount_decimal": "much"}, None, "unit_amount_decimal"),
        ({"product": None}, None, "product"),
        ({"product": "prod_nothing"}, "resource_missing", "product"),
        ({"product": "x", "product_data": {"name": "Chair"}}, "parameters_exclusive", "product"),
        ({"product_data": {"unit_label": "m"}}, "parameter_missing", "product_data[name]"),
        ({"recurring": {"interval": "hour"}}, None, "recurring[interval]"),
        ({"recurring": {"interval_count": 2}}, "parameter_missing", "recurring[interval]"),
        ({"tax_behavior": "secret"}, None, "tax_behavior"),
        (TIERED, None, "interval"),
        ({**TIERED, "tiers_mode": None, "recurring": MONTHLY}, "parameter_missing", "tiers_mode"),
        ({"tiers": TIERS}, None, "tiers"),
        ({"transform_quantity": {"divide_by": 2}}, "parameter_missing", "transform_quantity[round]"),
        ({"lookup_key": "k" * 201}, None, "lookup_key"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name_and_nothing_is_made(
    client: Any, shared: Sandbox, params: dict[str, Any], code: str | None, param: str
) -> None:
    before = [len(shared.objects(kind)) for kind in ("price", "product")]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_price(client, **params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert [len(shared.objects(kind)) for kind in ("price", "product")] == before


def test_a_price_can_bring_its_product_and_a_product_its_price(client: Any) -> None:
    price = a_price(client, product_data={"name": "Table", "id": "table-1"})
    product = a_product(client, default_price_data={"currency": "usd", "unit_amount": 700, "recurring": MONTHLY})

    assert client.products.retrieve("table-1").name == "Table"
    assert client.prices.retrieve(price.id, {"expand": ["product"]}).product.id == price.product == "table-1"
    default = client.products.retrieve(product.id, {"expand": ["default_price"]}).default_price
    assert (default.product, default.unit_amount, default.type) == (product.id, 700, "recurring")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_price(client, product_data={"name": "Table", "id": "table-1"})
    assert refused.value.code == "resource_already_exists"


def test_a_refused_default_price_makes_no_product(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        a_product(client, id="unpriced", default_price_data={"currency": "xxx", "unit_amount": 1})

    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        client.products.retrieve("unpriced")


def test_a_price_is_changed_in_what_can_be_changed(client: Any) -> None:
    made = a_price(client, nickname="old", metadata={"a": "1", "b": "2"}, lookup_key="changing")

    changed = client.prices.update(
        made.id,
        {
            "active": False,
            "nickname": "",
            "metadata": {"a": "", "c": "3"},
            "lookup_key": "",
            "tax_behavior": "exclusive",
        },
    )

    assert (changed.active, changed.nickname, changed.lookup_key) == (False, None, None)
    assert (changed.metadata.to_dict(), changed.tax_behavior) == ({"b": "2", "c": "3"}, "exclusive")
    for wrong in ({"unit_amount": 5}, {"tax_behavior": "inclusive"}, {"currency": "eur"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.prices.update(made.id, wrong)


def test_a_lookup_key_names_one_price_and_is_transferred_on_request(client: Any) -> None:
    first = a_price(client, lookup_key="standard")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_price(client, lookup_key="standard")
    second = a_price(client, lookup_key="standard", transfer_lookup_key=True)

    assert refused.value.param == "lookup_key"
    assert [each.id for each in client.prices.list({"lookup_keys": ["standard"]}).data] == [second.id]
    assert client.prices.retrieve(first.id).lookup_key is None
    assert client.prices.update(second.id, {"lookup_key": "standard"}).id == second.id


def test_prices_are_found_by_product_type_currency_activity_and_lookup_keys(client: Any) -> None:
    product = a_product(client).id
    once = a_price(client, product=product, lookup_key="finding")
    monthly = a_price(client, product=product, recurring=MONTHLY, currency="eur")
    retired = a_price(client, product=product, active=False)

    def found(**filters: object) -> list[str]:
        return [each.id for each in client.prices.list({"product": product, **filters}).data]

    assert found() == found(active=True) == [monthly.id, once.id]
    assert found(active=False) == [retired.id]
    assert found(type="recurring") == found(currency="eur") == [monthly.id]
    assert found(lookup_keys=["finding", "other"]) == [once.id]
    assert found(created={"lt": once.created}) == []
    with pytest.raises(stripe.InvalidRequestError):
        found(lookup_keys=[f"k{number}" for number in range(11)])


def test_a_product_in_use_keeps_its_prices(client: Any) -> None:
    priced = a_product(client, default_price_data={"currency": "usd", "unit_amount": 700})
    other = a_price(client)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        client.products.delete(priced.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be archived"):
        client.prices.update(priced.default_price, {"active": False})
    for wrong in (other.id, "price_nothing"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.products.update(priced.id, {"default_price": wrong})
        assert refused.value.param == "default_price"
    assert client.products.update(other.product, {"default_price": other.id}).default_price == other.id


def test_a_seeded_product_can_be_priced() -> None:
    with Sandbox("--charges", "20") as sandbox:
        client = a_client(sandbox)
        product = client.products.list({"limit": 1}).data[0]

        assert a_price(client, product=product.id).product == product.id
