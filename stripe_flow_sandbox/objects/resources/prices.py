"""Prices; https://docs.stripe.com/api/prices."""

from __future__ import annotations

import re
from decimal import Decimal

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.resource import Filter, Resource
from stripe_flow_sandbox.parameters.accepted import EXPAND, create_params, keep
from stripe_flow_sandbox.parameters.money import currency_of
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

AMOUNTS = ("unit_amount", "unit_amount_decimal")

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?")


def check_amounts(described: Object) -> None:
    """Raises Refusal (400) unless the description has one valid amount, or tiers."""
    if described.get("billing_scheme") == "tiered":
        _check_tiers(described)
        return
    sent = [name for name in (*AMOUNTS, "custom_unit_amount") if described.get(name) is not None]
    if len(sent) > 1:
        raise refuse("parameters_exclusive", param=sent[0], params=", ".join(sent))
    if not sent:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.", param="unit_amount"
        )
    for name in ("tiers", "tiers_mode"):
        if name in described:
            raise invalid("Tiers can only be given with `billing_scheme=tiered`.", param=name)
    _check_amount(described)


def _check_tiers(described: Object) -> None:
    if described.get("recurring") is None:
        raise invalid("Prices with `type=one_time` are not supported with tiered billing.", param="interval")
    for name in ("tiers", "tiers_mode"):
        if not described.get(name):
            raise refuse("parameter_missing", param=name)
    for name in AMOUNTS:
        if name in described:
            raise invalid("An amount cannot be given with `billing_scheme=tiered`.", param=name)
    tiers = described["tiers"]
    ends = [mapping(tier)["up_to"] for tier in tiers] if isinstance(tiers, list) else []
    if ends[-1] != "inf" or not all(isinstance(end, int) for end in ends[:-1]):
        raise invalid("The last tier, and only that one, goes up to `inf`.", param="tiers")


def _check_amount(described: Object) -> None:
    whole, exact = described.get("unit_amount"), described.get("unit_amount_decimal")
    if isinstance(whole, int) and whole < 0:
        raise refuse("parameter_invalid_integer", param="unit_amount", value=whole)
    if exact is not None and not _DECIMAL.fullmatch(str(exact)):
        raise invalid(f"Invalid decimal: {str(exact)[:80]}", param="unit_amount_decimal")


def amounts_of(described: Object) -> Object:
    """The amount as a whole number and as a decimal; the whole number is None for an amount with a fraction."""
    if described.get("unit_amount") is not None:
        return {"unit_amount": described["unit_amount"], "unit_amount_decimal": str(described["unit_amount"])}
    if described.get("unit_amount_decimal") is None:
        return {}
    exact = Decimal(str(described["unit_amount_decimal"]))
    is_whole = exact == exact.to_integral_value()
    shown = str(int(exact)) if is_whole else format(exact.normalize(), "f")
    return {"unit_amount": int(exact) if is_whole else None, "unit_amount_decimal": shown}


MOST_LOOKUP_KEYS = 10

# Fields that only `expand[]` shows.
_HIDDEN = ("currency_options", "tiers")
_RECURRING = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}


def _create(call: Call) -> Object:
    product_id = call.params.get("product")
    described = call.params.get("product_data")
    if product_id is not None and described is not None:
        raise refuse("parameters_exclusive", param="product", params="product, product_data")
    product = None
    if described is not None:
        product = _product(call, mapping(described))
        product_id = product["id"]
    elif product_id is not None:
        found = call.find("product", str(product_id), param="product")
        if found.get("deleted"):
            raise refuse("resource_missing", status=400, param="product", noun="product", id=product_id, hint="")
    else:
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product")
    made = new_described_price(call, call.params, str(product_id))
    if product is not None:
        call.add(product, "product.created")
    return call.add(made, "price.created")


def _product(call: Call, described: Object) -> Object:
    """The product of `product_data`; not stored yet."""
    made = call.new("product", updated=call.now)
    wanted_id = described.get("id")
    if wanted_id is not None:
        if call.space["product"].body(str(wanted_id)) is not None:
            raise refuse("resource_already_exists", param="product_data[id]", noun="Product")
        made["id"] = wanted_id
    apply(made, {name: value for name, value in described.items() if name != "id"})
    return made


def new_described_price(call: Call, described: Object, product_id: str) -> Object:
    """A new price of a product, not stored yet. Raises Refusal (400) for an invalid description."""
    currency = currency_of(str(described["currency"]))
    check_amounts(described)
    made = call.new("price")
    apply(made, {name: value for name, value in described.items() if name not in (*AMOUNTS, "recurring")})
    made |= {"currency": currency, "product": product_id, **amounts_of(described)}
    recurring = described.get("recurring")
    if isinstance(recurring, dict):
        made |= {"recurring": {**_RECURRING, **recurring}, "type": "recurring"}
    custom = made["custom_unit_amount"]
    if isinstance(custom, dict):
        made["custom_unit_amount"] = {name: custom.get(name) for name in ("maximum", "minimum", "preset")}
    _take_lookup_key(call, made)
    call.space.hidden_facts[str(made["id"])] = {name: described[name] for name in _HIDDEN if name in described}
    return made


def _take_lookup_key(call: Call, target: Object) -> None:
    """Take the lookup key from the price that has it. Raises Refusal (400) without `transfer_lookup_key`."""
    key = call.params.get("lookup_key")
    orders = call.space["price"].index("lookup_key").get(str(key)) if key is not None else None
    for place in list(orders.between(0, len(orders), newest_first=True)) if orders else ():
        owner_id = call.space["price"].id_at(place)
        if owner_id == target["id"]:
            continue
        if not call.params.get("transfer_lookup_key"):
            raise invalid(f"A price (`{owner_id}`) already uses that lookup key.", param="lookup_key")
        call.change({**call.find("price", owner_id), "lookup_key": None}, "price.updated")


def _update(call: Call, target: Object) -> None:
    wanted = call.params.get("tax_behavior")
    if wanted is not None and target["tax_behavior"] not in ("unspecified", wanted):
        raise invalid("The tax behavior of a price cannot be changed once it is set.", param="tax_behavior")
    product = call.space.find("product", str(target["product"])) or {}
    if call.params.get("active") is False and product.get("default_price") == target["id"]:
        raise invalid("This price cannot be archived because it is the default price of its product.", param="active")
    _take_lookup_key(call, target)
    apply(target, call.params)
    hidden_facts = call.space.hidden_facts.setdefault(str(target["id"]), {})
    hidden_facts |= {name: call.params[name] for name in _HIDDEN if name in call.params}


def _tiers(space: Space, price: Object, _: int) -> object:
    tiers = space.hidden_facts.get(str(price["id"]), {}).get("tiers")
    return [_tier(mapping(tier)) for tier in tiers] if isinstance(tiers, list) else None


def _tier(described: Object) -> Object:
    """A tier as Stripe shows it: with all members, and `up_to` None for the last one."""
    blank = dict.fromkeys(("flat_amount", "flat_amount_decimal", "unit_amount", "unit_amount_decimal"))
    return {**blank, **described, "up_to": None if described["up_to"] == "inf" else described["up_to"]}


def _currency_options(space: Space, price: Object, _: int) -> object:
    options = space.hidden_facts.get(str(price["id"]), {}).get("currency_options")
    return {name: _option(mapping(each)) for name, each in options.items()} if isinstance(options, dict) else None


def _option(described: Object) -> Object:
    """The price in another currency as Stripe shows it: with all members but its tiers."""
    blank = {
        "custom_unit_amount": None,
        "tax_behavior": "unspecified",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
    return {**blank, **{name: each for name, each in described.items() if name in blank}, **amounts_of(described)}


def _lookup_keys(_: Space, wanted: object) -> list[str]:
    keys = [str(each) for each in wanted] if isinstance(wanted, list) else []
    if len(keys) > MOST_LOOKUP_KEYS:
        raise invalid(f"You can give at most {MOST_LOOKUP_KEYS} lookup keys.", param="lookup_keys")
    return list(dict.fromkeys(keys))


_TEXT = Param(type="string")

PRICES = Resource(
    noun="price",
    path="/v1/prices",
    # Stripe's permission still has the name of plans, which prices replaced.
    permission="plan",
    filters={
        # Only active ones by default: https://docs.stripe.com/api/prices/list
        "active": Filter(param=Param(type="boolean"), field="active", default_values=lambda _: ["true"]),
        "currency": Filter(param=_TEXT, field="currency"),
        "lookup_keys": Filter(param=Param(type="array", items=_TEXT), field="lookup_key", values=_lookup_keys),
        "product": Filter(param=_TEXT, field="product"),
        "type": Filter(param=Param(type="string", enum=("one_time", "recurring")), field="type"),
    },
    create=_create,
    create_params=create_params("price"),
    update=_update,
    update_params={
        **keep(
            "price",
            "active",
            "currency_options",
            "lookup_key",
            "metadata",
            "nickname",
            "tax_behavior",
            "transfer_lookup_key",
            unset=("currency_options", "metadata"),
        ),
        **EXPAND,
    },
    updated_events=("price.updated",),
    includes={"currency_options": _currency_options, "tiers": _tiers},
)
