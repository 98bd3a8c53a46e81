"""Values that a stream map can cast to the parameter's type: JSON as text, numbers as floats or the reverse. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stripe_flow.api.card_numbers import holds_card_number

Json = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A value to cast. `rule` is what the parameter takes, `found` what the record has.

    `expression` casts `{0}`, and leaves a value that it does not fit as it is: nothing is rounded.
    """

    path: tuple[str | int, ...]
    rule: str
    found: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Values that are cast to parameters of a type."""

    type: str
    rule: str
    found: str
    fits: Callable[[object], bool]
    expression: str


def _is_json(kind: type, value: object) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except (ValueError, RecursionError):
        return False


# Longer numbers are no values of a parameter.
_MOST_BITS = 63
_WHOLE = "must be a whole number (a JSON integer)"
# Values of another type stay as they are: the rows of one stream may differ.
_FROM_JSON = "json.loads({0}) if {0} and str({0}) == {0} else {0}"
_TO_INTEGER = "int(str({0}).removesuffix('.0')) if str({0}).removesuffix('.0').lstrip('-').isdecimal() else {0}"
_TO_TEXT = "str({0}).removesuffix('.0') if str({0}) != {0} and str({0}).removesuffix('.0').isdecimal() else {0}"
_KINDS = (
    _Kind(
        type="string",
        rule="must be text",
        found="a whole number there, without zeros at its beginning if there were any. If that is right, cast it",
        fits=lambda value: _as_text(value).isdecimal() and not holds_card_number(value),
        expression=_TO_TEXT,
    ),
    _Kind(
        type="integer",
        rule=_WHOLE,
        found="a float there. If its unit is right, cast it",
        fits=lambda value: isinstance(value, float) and value.is_integer() and "e" not in str(value),
        expression=_TO_INTEGER,
    ),
    _Kind(
        type="integer",
        rule=_WHOLE,
        found="a number as text there. If its unit is right, cast it",
        fits=lambda value: isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value) is not None,
        expression=_TO_INTEGER,
    ),
    _Kind(
        type="object",
        rule="must be an object",
        found="JSON as text there. Read it",
        fits=lambda value: _is_json(dict, value),
        expression=_FROM_JSON,
    ),
    _Kind(
        type="array",
        rule="must be a list",
        found="JSON as text there. Read it",
        fits=lambda value: _is_json(list, value),
        expression=_FROM_JSON,
    ),
)


def casts(value: Any, schema: Json, path: tuple[str | int, ...] = ()) -> Iterator[Cast]:  # Any: JSON
    """The values inside `value`, the parameters of a record, that a stream map can cast."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name, inner in value.items():
            yield from casts(inner, known.get(name, {}), (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from casts(inner, schema.get("items", {}), (*path, index))
    elif isinstance(value, (str, float, int)) and not _is_long(value):
        for kind in _KINDS:
            if schema.get("type") == kind.type and kind.fits(value) and _takes(schema, value):
                yield Cast(path=path, rule=_rule(schema, kind), found=kind.found, expression=kind.expression)


def _as_text(value: object) -> str:
    """The text of a number; empty for a text."""
    return "" if isinstance(value, str) else str(value).removesuffix(".0")


def _takes(schema: Json, value: object) -> bool:
    """Whether the parameter may have a number as its text: no listed value is one."""
    return not _as_text(value) or ("enum" not in schema and bool(re.search(schema.get("pattern", ""), _as_text(value))))


def _is_long(value: object) -> bool:
    """Whether Python does not print the number."""
    return isinstance(value, int) and value.bit_length() > _MOST_BITS


def _rule(schema: Json, kind: _Kind) -> str:
    """The reason in the schema; one for all rules of an object is about more than its type."""
    reasons = schema.get("x-reasons", {})
    return str(reasons.get("type") or (reasons.get("*") if kind.type == "integer" else None) or kind.rule)
