"""Objects as older API versions show them; https://docs.stripe.com/upgrades.

Only the changes that the plugins can meet are here, not every change that Stripe ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TypeAlias

import msgspec

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import invalid

# The list that an object shows in a member; None if nobody knows one, and the object then shows an empty list.
Lists: TypeAlias = Callable[[Object, str], object]

_RELEASED: frozenset[str] = frozenset(
    msgspec.json.decode(resources.files("stripe_flow_sandbox").joinpath("data", "versions.json").read_bytes())
)


@dataclass(frozen=True, slots=True)
class _Change:
    """`undo` gives an object of type `noun` the shape that it had before `version`."""

    noun: str
    version: str
    undo: Callable[[Object, Lists], Object]


def list_inside(owner: Object, name: str, data: Sequence[Object]) -> Object:
    """The list `name` of an object, whole."""
    url = f"/v1/{owner['object']}s/{owner['id']}/{name}"
    return {"object": "list", "data": list(data), "has_more": False, "url": url}


def _sub_list(name: str) -> Callable[[Object, Lists], Object]:
    """Add the list `name`, which newer versions show only when expanded; an expanded one stays."""

    def show(shown: Object, lists: Lists) -> Object:
        return shown if name in shown else {name: lists(shown, name) or list_inside(shown, name, [])} | shown

    return show


def _rename(new: str, old: str) -> Callable[[Object, Lists], Object]:
    return lambda shown, _: {name if name != new else old: value for name, value in shown.items()}


_CHANGES = (
    _Change("charge", "2025-03-31", lambda shown, _: {"invoice": None} | shown),
    _Change("product", "2024-04-10", _rename("marketing_features", "features")),
    _Change("charge", "2022-11-15", _sub_list("refunds")),
    _Change("customer", "2020-08-27", _sub_list("sources")),
    _Change("customer", "2020-08-27", _sub_list("subscriptions")),
    _Change("customer", "2020-08-27", _sub_list("tax_ids")),
)
_NEWEST_CHANGE = max(change.version for change in _CHANGES)


def check_version(version: str) -> str:
    """The version without the names of betas after it. Raises Refusal (400) for one that Stripe never released.

    A preview has the date of a release.
    """
    named = version.partition(";")[0].strip()
    date, _, name = named.partition(".")
    is_preview = name == "preview" and any(each.startswith(date) for each in _RELEASED)
    if named not in _RELEASED and not (is_preview and len(date) == len("2026-10-28")):
        raise invalid(f"Invalid Stripe API version: {version[:40]}")
    return named


def is_older(version: str) -> bool:
    """Whether any object has another shape in this version than today."""
    return version < _NEWEST_CHANGE


def shown_in(version: str, current: Object, lists: Lists = lambda _, __: None) -> Object:
    """The object in the shape of `version`, and the objects inside it; `lists` fills what older versions show."""
    if not is_older(version) or current.get("object") == "event":
        # The object of an event has the shape of the account's version, whatever the request says.
        return current
    shown = {name: _inside(version, value, lists) for name, value in current.items()}
    for change in _CHANGES:
        if change.noun == current.get("object") and version < change.version and not current.get("deleted"):
            shown = change.undo(shown, lists)
    return shown


def _inside(version: str, value: object, lists: Lists) -> object:
    if isinstance(value, list):
        return [_inside(version, each, lists) for each in value]
    return shown_in(version, value, lists) if isinstance(value, dict) and "object" in value else value
