"""The full shape of each object: the fields of a new object, and those of nested objects.

`data/objects.json` has one new object per type, `data/fields_*.json` every field of today's API version. Stripe shows a
field without a value as null, or leaves it out where `optional` is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.parameters.accepted import data
from stripe_flow_sandbox.parameters.params import METADATA_KEYS

API_VERSION = "2026-10-28.endive"

# Nested objects whose members are updated one by one, like metadata; others are replaced as a whole.
_MERGED = {
    "charge": frozenset({"transfer_data"}),
    "customer": frozenset({"invoice_settings"}),
    "payment_intent": frozenset({"transfer_data"}),
    "payment_method": frozenset({"billing_details"}),
}

# Fields that a new object leaves out and a parameter of the same name gives a value.
_LEFT_OUT = {
    "customer": frozenset({"business_name", "individual_name"}),
    "refund": frozenset({"instructions_email"}),
}


@cache
def _templates() -> Mapping[str, bytes]:
    return {noun: encode(template) for noun, template in data("objects.json").items()}


@cache
def fields(noun: str) -> Mapping[str, Any]:  # Any: see `accepted.data`
    """Every field of a `noun` in today's API version, by name."""
    described: Mapping[str, Any] = data(f"fields_{noun}.json")["fields"]
    return described


def fresh(noun: str) -> Object:
    """A new object of this type as Stripe shows it; the caller sets id, `created` and the like."""
    return decode(_templates()[noun])


def apply(target: Object, params: Object) -> None:
    """Write parameters into the fields of the same name; parameters without a field have no visible effect.

    Metadata is merged, nested objects get all fields that Stripe shows, and None resets a field to its first value.
    """
    noun = str(target["object"])
    first, left_out = fresh(noun), _LEFT_OUT.get(noun, frozenset())
    for name, value in params.items():
        if name == "metadata":
            target[name] = merged_metadata(target[name], value)
        elif name in left_out and value is None:
            target.pop(name, None)
        elif name in first or name in left_out:
            before = target[name] if name in _MERGED.get(noun, ()) else None
            target[name] = first[name] if value is None else _complete(fields(noun).get(name), value, before)


def merged_metadata(before: object, update: object) -> Object:
    """The metadata after an update. Raises Refusal (400) if it has too many keys.

    https://docs.stripe.com/api/metadata: new keys are added, an empty value removes its key, empty metadata all keys.
    """
    if not isinstance(update, dict) or not isinstance(before, dict):
        return {}
    merged: Object = {key: value for key, value in {**before, **update}.items() if value != ""}
    if len(merged) > METADATA_KEYS:
        raise invalid(f"An object can have up to {METADATA_KEYS} metadata keys.", param="metadata")
    return merged


def _complete(  # Any: see `accepted.data`
    described: Mapping[str, Any] | None, value: object, before: object = None
) -> object:
    nested = (described or {}).get("fields")
    if not nested or not isinstance(value, dict):
        return value
    updated = {**before, **value} if isinstance(before, dict) else value
    optional = {name for name, inner in nested.items() if inner.get("optional")}
    shown = {name: _complete(nested.get(name), each) for name, each in updated.items()}
    full = {name: None for name in nested if name not in optional} | shown
    return {name: each for name, each in full.items() if each is not None or name not in optional}
