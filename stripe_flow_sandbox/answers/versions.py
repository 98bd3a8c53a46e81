"""Objects as older API versions show them; https://docs.stripe.com/upgrades.

Only the changes that the plugins can meet are here, not every change that Stripe ever made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import invalid

_VERSION = re.compile(r"\d{4}-\d\d-\d\d(\.[a-z_]+)?")


@dataclass(frozen=True, slots=True)
class _Change:
    """`undo` gives an object of type `noun` the shape that it had before `version`."""

    noun: str
    version: str
    undo: Callable[[Object], Object]


def _sub_list(name: str) -> Callable[[Object], Object]:
    """Add the empty list `name`, which newer versions show only when expanded; an expanded one stays."""

    def show(shown: Object) -> Object:
        url = f"/v1/{shown['object']}s/{shown['id']}/{name}"
        return {name: {"object": "list", "data": [], "has_more": False, "url": url}} | shown

    return show


def _rename(new: str, old: str) -> Callable[[Object], Object]:
    return lambda shown: {name if name != new else old: value for name, value in shown.items()}


_CHANGES = (
    _Change("charge", "2025-03-31", lambda shown: {"invoice": None} | shown),
    _Change("product", "2024-04-10", _rename("marketing_features", "features")),
    _Change("charge", "2022-11-15", _sub_list("refunds")),
    _Change("customer", "2020-08-27", _sub_list("sources")),
    _Change("customer", "2020-08-27", _sub_list("subscriptions")),
    _Change("customer", "2020-08-27", _sub_list("tax_ids")),
)
_NEWEST_CHANGE = max(change.version for change in _CHANGES)


def check_version(version: str) -> str:
    """The version. Raises Refusal (400) if it has not the form of one."""
    if not _VERSION.fullmatch(version):
        raise invalid(f"Invalid Stripe API version: {version[:40]}")
    return version


def is_older(version: str) -> bool:
    """Whether any object has another shape in this version than today."""
    return version < _NEWEST_CHANGE


def shown_in(version: str, current: Object) -> Object:
    """The object in the shape of `version`."""
    shown = current
    for change in _CHANGES:
        if change.noun == current.get("object") and version < change.version and not current.get("deleted"):
            shown = change.undo(shown)
    return shown
