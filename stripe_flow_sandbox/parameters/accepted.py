"""The parameters of every call: those of create calls from the data files, the others derived from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from stripe_flow_sandbox.parameters.params import Param, Params, check_email, check_id

# Type → top-level parameters that an empty string cannot unset.
NEVER_EMPTY: Mapping[str, frozenset[str]] = {
    "charge": frozenset({"currency", "customer", "source"}),
    "customer": frozenset({"invoice_prefix", "payment_method", "source", "test_clock"}),
    "payment_intent": frozenset(
        {
            "capture_method",
            "confirmation_method",
            "confirmation_token",
            "currency",
            "customer",
            "payment_method",
            "return_url",
        }
    ),
    "payment_method": frozenset({"customer", "payment_method", "type"}),
    "price": frozenset({"billing_scheme", "currency", "product", "tax_behavior", "tiers_mode", "unit_amount_decimal"}),
    "product": frozenset({"id", "name", "type"}),
    "refund": frozenset({"charge", "payment_intent", "reason", "origin"}),
}

# Type → parameters that the create call requires although the official client's types make them optional.
REQUIRED: Mapping[str, frozenset[str]] = {
    "charge": frozenset({"amount", "currency"}),
    "payment_method": frozenset({"type"}),
}

# Type → top-level parameter → most characters, from the official client's types.
MAX_CHARS: Mapping[str, Mapping[str, int]] = {
    "charge": {"customer": 500, "source": 5000, "description": 40000, "statement_descriptor": 22},
    "customer": {
        "name": 256,
        "email": 512,
        "phone": 20,
        "description": 5000,
        "business_name": 150,
        "individual_name": 150,
    },
    "payment_intent": {"description": 40000, "statement_descriptor": 22, "statement_descriptor_suffix": 22},
    "price": {"lookup_key": 200},
    "product": {"name": 5000, "description": 40000, "id": 5000, "statement_descriptor": 22, "unit_label": 12},
}

# Parameter, at any depth → check of its shape.
_SHAPES = {"email": check_email, "id": check_id, "instructions_email": check_email, "receipt_email": check_email}
_TEXTS = frozenset({"string", "decimal_string"})


def data(name: str) -> Any:  # Any: the JSON of our own package, checked by the tests of each table
    """The content of a file in the folder `data`."""
    return msgspec.json.decode(resources.files("stripe_flow_sandbox").joinpath("data", name).read_bytes())


@cache
def create_params(noun: str) -> Params:
    """The parameters of the call that creates a `noun`, from `data/params_<noun>.json`."""
    limits, never_empty, required = MAX_CHARS.get(noun, {}), NEVER_EMPTY[noun], REQUIRED.get(noun, frozenset())
    return {
        name: replace(
            param,
            max_chars=limits.get(name),
            can_unset=param.can_unset and name not in never_empty,
            required=param.required or name in required,
        )
        for name, param in _params(data(f"params_{noun}.json")).items()
    }


def update_params(
    noun: str, *, drop: Iterable[str] = (), add: Params | None = None, unset: Iterable[str] = ()
) -> Params:
    """The parameters of the call that updates a `noun`: those that create it without `drop`, and `add`; all optional.

    `unset` names parameters that an empty string unsets here although the create call refuses it.
    """
    kept = {name: param for name, param in create_params(noun).items() if name not in frozenset(drop)}
    return _optional({**kept, **(add or {})}, unset)


def keep(noun: str, *names: str, unset: Iterable[str] = ()) -> Params:
    """These parameters of the create call, all optional, for another call; `unset` as in `update_params`."""
    created = create_params(noun)
    return _optional({name: created[name] for name in names}, unset)


def _optional(params: Params, unset: Iterable[str]) -> Params:
    empties = frozenset(unset)
    return {
        name: replace(param, required=False, can_unset=param.can_unset or name in empties)
        for name, param in params.items()
    }


def _param(name: str, raw: Mapping[str, Any]) -> Param:  # Any: see `data`
    nested, items, values = raw.get("nested"), raw.get("items"), raw.get("values")
    return Param(
        type="metadata" if name == "metadata" else raw["type"],
        required=raw.get("required", False),
        fields=_params(nested) if nested else None,
        items=_param("", items) if items else None,
        values=_param("", values) if values else None,
        enum=tuple(raw.get("enum") or raw.get("enum_hint") or ()),
        shape=_SHAPES.get(name) if raw["type"] == "string" else None,
        can_unset=raw.get("accepts_empty_string", False) or raw["type"] in _TEXTS,
    )


def _params(raw: Mapping[str, Mapping[str, Any]]) -> Params:  # Any: see `data`
    return {name: _param(name, entry) for name, entry in raw.items()}


_TEXT = Param(type="string")
_INTEGER = Param(type="integer")
_BOUNDS = Param(type="integer | object", fields=dict.fromkeys(("gt", "gte", "lt", "lte"), _INTEGER))

METADATA = Param(type="metadata", can_unset=True)
EXPAND: Params = {"expand": Param(type="array", items=_TEXT)}

# https://docs.stripe.com/api/pagination
LIST: Params = {"limit": _INTEGER, "starting_after": _TEXT, "ending_before": _TEXT, "created": _BOUNDS, **EXPAND}
