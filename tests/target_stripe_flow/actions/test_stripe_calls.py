"""The copy of Stripe's description of the calls is what the types of the official client say, at every depth."""

from __future__ import annotations

import importlib
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import stripe

from scripts.action_schemas import CALLS
from target_stripe_flow.actions.table import ACTIONS

Json = dict[str, Any]  # Any: JSON
NAMES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", Decimal: "string"}
# Names in the annotations of a request's options, which a call has besides its parameters.
OF_OPTIONS = {"StripeContext": object, "Mapping": Mapping}
# What is not in the client's types.
ELSEWHERE = ("max_length", "max_length_from", "max_items")


def call(params: Any) -> Json:  # Any: a type of the client
    """The parameters of a call, in the form of the copy."""
    hints = typing.get_type_hints(params, localns=OF_OPTIONS)
    names = set(params.__annotations__) - set(stripe.RequestOptions.__annotations__) - {"expand"}
    return {name: parameter(hints[name], is_required=name in params.__required_keys__) for name in names}


def parameter(hint: Any, *, is_required: bool = False) -> Json:  # Any: an annotation
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    listed = {value for member in members if get_origin(member) is Literal for value in get_args(member)}
    kinds = [plain(member) for member in members if get_origin(member) is not Literal]
    if listed - {""}:
        kinds.append({"type": "string"})
    fact = max(kinds, key=len)
    types_of = sorted({each["type"] for each in kinds})
    fact |= {"type": types_of[0] if len(types_of) == 1 else types_of}
    fact |= {"enum": sorted(listed - {""})} if listed - {""} else {}
    fact |= {"accepts_empty_string": True} if "" in listed else {}
    return fact | ({"required": True} if is_required else {})


def plain(hint: Any) -> Json:  # Any: an annotation
    origin, args = get_origin(hint), get_args(hint)
    if origin is list:
        return {"type": "array", "items": parameter(args[0])}
    if hasattr(hint, "__required_keys__"):
        return {"type": "object", "nested": call(hint)}
    if hint in NAMES:
        return {"type": NAMES[hint]} | ({"decimal": True} if hint is Decimal else {})
    return {"type": "object", "map": parameter(args[-1])}  # a dict, or the client's own for metadata


def comparable(fact: Any) -> Any:  # Any: JSON
    """A parameter of the copy, with what the client's types have, and its lists of values in order."""
    if not isinstance(fact, dict):
        return fact
    kept = {name: comparable(value) for name, value in fact.items() if name not in ELSEWHERE}
    return kept | ({"enum": sorted(fact["enum"])} if isinstance(fact.get("enum"), list) else {})


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", ["create", "update"])
def test_the_copy_of_a_call_is_the_official_clients(action: str, kind: str) -> None:
    name = f"{action[:-1].capitalize()}{kind.capitalize()}Params"

    official = call(getattr(importlib.import_module("stripe.params"), name))

    copied = {name: comparable(fact) for name, fact in CALLS[action][kind].items()}
    assert {name for name in official if official[name] != copied.get(name)} == set()
    assert copied == official
