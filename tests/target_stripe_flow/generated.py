"""Records made up by hypothesis: valid ones, and valid ones with one field broken so that it is known which."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from target_stripe_flow.actions.table import ACTIONS

Json = dict[str, Any]  # Any: JSON
T = TypeVar("T")

# A text that a form can carry: anything but halves of characters, and never empty.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
EMAILS = ("ann@example.com", "o'neil+x@example.co.uk")
TOKENS = ("tok_visa", "tok_mastercard", "tok_amex")

# What the schema alone cannot say: values that Stripe names one by one. None: not generated, with the reason beside.
_NAMED: dict[str, dict[str, tuple[Any, ...] | None]] = {
    "customers": {
        "source": TOKENS,
        "email": EMAILS,
        "payment_method": None,  # needs objects that the sandbox has not
        "test_clock": None,  # likewise
        "stripe_id": None,  # finds, and creates nothing
        "invoice_settings.default_payment_method": None,
        "invoice_prefix": ("ABC", "AB1", "A1B2C3D4E5F6"),
        "cash_balance.settings.reconciliation_mode": ("automatic", "manual", "merchant_default"),
        "invoice_settings.rendering_options.amount_tax_display": ("exclude_tax", "include_inclusive_tax"),
        "tax.validate_location": ("deferred", "immediately"),
        "tax_exempt": ("exempt", "none", "reverse"),
        "tax_id_data.type": ("eu_vat", "gb_vat", "us_ein"),
        "next_invoice_sequence": (1, 2, 77),
    },
    "products": {
        "default_price_data.currency": ("usd", "eur"),
        "default_price_data.currency_options": None,  # keyed by currency
        "default_price_data.custom_unit_amount": None,  # only without an amount
        "default_price_data.recurring.interval": ("day", "week", "month", "year"),
        "default_price_data.recurring.interval_count": (1, 2),
        "default_price_data.tax_behavior": ("exclusive", "inclusive", "unspecified"),
        "default_price_data.unit_amount": (0, 1, 999),
        "default_price_data.unit_amount_decimal": None,  # only instead of unit_amount
        "type": ("good", "service"),
        **{f"package_dimensions.{side}": (1, 1.5, 0.01) for side in ("height", "length", "weight", "width")},
    },
    "charges": {
        "amount": (100, 1_200, 12_300, 9_999_900),
        "currency": ("usd", "EUR", "jpy", "kwd", "isk", "ugx", "idr"),
        "source": TOKENS,
        "customer": None,  # is looked up
        "receipt_email": EMAILS,
        "application_fee": None,  # an older name of application_fee_amount
        "application_fee_amount": (1, 10),
        "destination": None,  # an older form of transfer_data
        "transfer_data.amount": (1, 10),
        "on_behalf_of": None,  # the sandbox has one connected account
        "transfer_data": None,
        "radar_options": None,
    },
    "prices": {
        "billing_scheme": ("per_unit",),
        "currency": ("usd", "EUR", "jpy"),
        "currency_options": None,  # keyed by currency
        "custom_unit_amount": None,  # only without an amount
        "product": None,  # is looked up, and stands instead of product_data
        "product_data.id": None,  # must be unused
        "recurring.interval": ("day", "week", "month", "year"),
        "recurring.interval_count": (1, 2),
        "recurring.meter": None,  # needs an object that the sandbox has not
        "recurring.usage_type": ("licensed", "metered"),
        "tax_behavior": ("exclusive", "inclusive", "unspecified"),
        "tiers": None,  # only instead of an amount
        "tiers_mode": None,
        "lookup_key": None,  # must be unused
        "transfer_lookup_key": None,
        "transform_quantity.divide_by": (1, 2, 10),
        "transform_quantity.round": ("up", "down"),
        "unit_amount": (0, 1, 999),
        "unit_amount_decimal": None,  # only instead of unit_amount
    },
    "refunds": {
        "amount": (1, 2),
        "charge": None,  # is looked up
        "currency": None,  # of a customer's balance
        "customer": None,
        "origin": None,
        "payment_intent": None,  # is looked up at Stripe
        "reason": ("duplicate", "fraudulent", "requested_by_customer"),
        "instructions_email": EMAILS,
        "refund_application_fee": None,  # only where there was a fee
        "reverse_transfer": None,  # only where there was a transfer
    },
}
_ALWAYS: dict[str, tuple[str, ...]] = {
    "charges": ("amount", "currency", "source"),
    "products": ("name",),
    "products.default_price_data": ("unit_amount",),
    "customers": (),
    "prices": ("currency", "unit_amount", "product_data"),
    "refunds": ("amount",),
}


def collected(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many examples, the same each time."""
    found: list[T] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(copy.deepcopy(example))

    while len(found) < count:
        collect()
    return found[:count]


def valid(action: str) -> st.SearchStrategy[Json]:
    """The parameters of a record that passes, nested ones too."""
    always = dict.fromkeys(_ALWAYS[action])
    return _object(ACTIONS[action].schema(), action, "", tuple(always))


def _object(schema: Json, action: str, path: str, always: tuple[str, ...] = ()) -> st.SearchStrategy[Json]:
    required = {*schema.get("required", ()), *always}
    fields = {
        name: _value(inner, action, f"{path}{name}")
        for name, inner in schema["properties"].items()
        if _NAMED[action].get(f"{path}{name}", ()) is not None
    }
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if name in required},
        optional={name: fields[name] for name in fields if name not in required},
    )


def _value(schema: Json, action: str, path: str) -> st.SearchStrategy[Any]:  # Any: JSON
    named = _NAMED[action].get(path)
    if named:
        return st.sampled_from(named)
    if schema["type"] == "array":
        return st.lists(_value(schema["items"], action, path), min_size=1, max_size=2)
    if schema["type"] != "object":
        return (
            texts.map(lambda text: text[: schema.get("maxLength", 20)])
            if schema["type"] == "string"
            else _plain(schema)
        )
    always = _ALWAYS.get(f"{action}.{path}", ())
    return _object(schema, action, f"{path}.", always).filter(bool) if "properties" in schema else _metadata()


def _plain(schema: Json) -> st.SearchStrategy[Any]:  # Any: as above
    return st.booleans() if schema["type"] == "boolean" else st.integers(1, 10_000)


def _metadata() -> st.SearchStrategy[dict[str, str]]:
    keys = st.text(st.characters(codec="utf-8", exclude_characters="[]\x00"), min_size=1, max_size=40)
    return st.dictionaries(keys.filter(lambda key: key != "stripe_flow"), texts, max_size=4, min_size=1)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A record with one field that no rule lets through, and that field."""

    action: str
    record: Json
    field: str


CARD = "4242424242424242"
DEEP: list[Any] = []
for _ in range(60):
    DEEP = [DEEP]

_not_text: st.SearchStrategy[Any] = st.sampled_from([1, 1.5, True, [], ["x"], {"a": 1}, DEEP, 10**40, float("nan")])
_not_integer: st.SearchStrategy[Any] = st.sampled_from(
    ["1", "ten", 1.0, 1.5, True, [1], {"a": 1}, DEEP, float("nan"), float("inf"), -float("inf"), 1e300, "\u0661"]
)
_WRONG: dict[str, st.SearchStrategy[Any]] = {
    "string": _not_text,
    "integer": _not_integer,
    "number": st.sampled_from(["1", True, [1], {"a": 1}, float("nan"), float("inf")]),
    "boolean": st.sampled_from(["true", 0, 1, [True], {"a": 1}, DEEP]),
    "object": st.sampled_from(["x", 1, [1], True, DEEP]),
    "array": st.sampled_from(["x", 1, {"a": 1}, True]),
}
# Half of a pair of characters, as JSON can write it.
HALF = "a\ud800b"


def hostile(action: str) -> st.SearchStrategy[Broken]:
    """One of all that can be wrong with a record."""
    schema: Any = ACTIONS[action].schema()
    wrong = [
        *_wrongs(schema, action, ""),
        *_special(action),
    ]
    needed = {"charge": "ch_1"} if action == "refunds" else {}
    return st.tuples(valid(action).map(needed.__or__), st.sampled_from(wrong)).flatmap(
        lambda drawn: drawn[1][1].map(
            lambda value: Broken(action=action, record=_with(drawn[0], drawn[1][0], value), field=drawn[1][2])
        )
    )


Wrong = tuple[str, st.SearchStrategy[Any], str]  # where it is put, what is put there, which field is named


def _wrongs(schema: Json, action: str, path: str) -> Iterator[Wrong]:
    """Fields that stand by themselves: what is inside an object with required members is broken as a whole."""
    for name, inner in schema["properties"].items():
        where = f"{path}{name}"
        kinds = _WRONG[inner["type"]]
        if where in ACTIONS[action].references:  # a whole number is a key
            kinds = kinds.filter(lambda value: type(value) is not int)
        yield where, kinds, where
        if "maxLength" in inner:
            most = inner["maxLength"]
            yield where, st.integers(most + 1, most + 50).map("x".__mul__), where
        if inner["type"] == "string":
            yield where, st.just(HALF), where
        if inner["type"] == "object" and "properties" in inner and not inner.get("required"):
            yield from _wrongs(inner, action, f"{where}.")


def _special(action: str) -> Iterator[Wrong]:
    wrong_metadata: tuple[Json, ...] = (
        {f"k{n}": "v" for n in range(51)},
        {"a[b]": "v"},
        {"x" * 41: "v"},
        {"k": "v" * 501},
        {"k": 1},
        {"k": {}},
        {"": "v"},
    )
    for metadata in wrong_metadata:
        inside = "metadata.k" if "k" in metadata else "metadata"
        yield "metadata", st.just(metadata), inside
    yield "id", st.sampled_from([None, "", 1.5, True, [1], {"a": 1}, HALF, float("nan")]), "id"
    if action in {"customers", "charges"}:
        yield "source", st.sampled_from([CARD, " 4242-4242-4242-4242 ", {"object": "card", "number": CARD}]), "source"
    if action == "charges":
        yield "amount", st.sampled_from([0, -1, 10**13, 10**400, None]), "amount"
        yield "currency", st.sampled_from(["dollars", "us", "us\x00", "u$d", "", None, "usd\n"]), "currency"
        yield "object", st.sampled_from(["charge", "refund"]), "object"
        yield "shipping", st.just({"name": "Ann"}), "shipping.address"
    if action == "refunds":
        yield "amount", st.sampled_from([0, -1, 10**13, 10**400]), "amount"
        yield "object", st.sampled_from(["charge", "refund"]), "object"
    if action == "prices":
        yield "unit_amount", st.sampled_from([-1, -(10**400)]), "unit_amount"
        yield "currency", st.sampled_from(["dollars", "us", "u$d", "", None]), "currency"
    if action == "products":
        yield "name", st.sampled_from([None, ""]), "name"
        yield "package_dimensions", st.just({"height": 1}), "package_dimensions.length"


def _with(record: Json, path: str, value: Any) -> Json:  # Any: JSON
    changed = copy.deepcopy(record)
    inner = changed
    *outer, last = path.split(".")
    for name in outer:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return changed
