"""The fingerprint of a record: a hash of its parameters, which shows whether the record has changed since it was sent.

A release that accepts a new parameter must not report old records as changed. So the journal keeps the list of accepted
parameters (the shape) beside each fingerprint, and a record is compared by that list.

Beside it are the field marks: for each parameter twelve bits of a hash, salted with the identity. They show which
parameters differ, and say nothing about a value: one in 4,096 other values has the same mark.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from typing import Any

# The name of the entries of a list in a shape; no parameter has this name.
_EACH = "[]"

# The digits of field marks: one for the parameter's place among the sorted names, two for twelve bits of its hash.
_DIGITS = string.ascii_letters + string.digits + "-_"
_MARK = 3

# Values that JSON cannot hold have a digest, too: a later check rejects them by name.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode

Shape = dict[str, Any]  # Any: a shape, or None where the parameter may hold anything


def digest(value: object) -> str:
    """32 hex characters of a hash of a JSON value; the order of members makes no difference."""
    return hashlib.sha256(_canonical(value)).hexdigest()[:32]


def _canonical(value: object) -> bytes:
    try:
        return _encode(value).encode()
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        return b""


def shape_of(schema: Mapping[str, Any]) -> Shape | None:  # Any: JSON schema
    """The nested names of the parameters in a schema; None where an object may hold anything."""
    if "items" in schema:
        return {_EACH: shape_of(schema["items"])}
    properties = schema.get("properties")
    return None if properties is None else {name: shape_of(inner) for name, inner in properties.items()}


def restrict(value: Any, shape: Shape | None) -> Any:  # Any: JSON
    """`value` with only the parameters in `shape`; objects that become empty are left out."""
    if shape is None:
        return value
    if isinstance(value, list):
        return [restrict(entry, shape.get(_EACH)) for entry in value]
    if not isinstance(value, Mapping):
        return value
    inner = ((name, restrict(value[name], part)) for name, part in shape.items() if name in value)
    return {name: part for name, part in inner if part != {}}


def field_marks(parameters: Mapping[str, Any], shape: Shape, salt: str) -> str:  # Any: JSON
    """The marks of the parameters: three characters for each, in the order of the names in `shape`."""
    names = enumerate(sorted(shape)[: len(_DIGITS)])
    return "".join(_DIGITS[place] + _mark(parameters[name], salt) for place, name in names if name in parameters)


def changed_fields(parameters: Mapping[str, Any], shape: Shape, salt: str, marks: str) -> list[str]:  # Any: JSON
    """The names of the parameters whose marks differ from `marks`, which were made with this shape and salt."""
    now, then = (_by_place(each) for each in (field_marks(parameters, shape, salt), marks))
    return [name for place, name in zip(_DIGITS, sorted(shape), strict=False) if now.get(place) != then.get(place)]


def _mark(value: Any, salt: str) -> str:  # Any: JSON
    first, second = hashlib.blake2b(_canonical(value), digest_size=2, key=salt.encode()).digest()
    return _DIGITS[first & 63] + _DIGITS[second & 63]


def _by_place(marks: str) -> dict[str, str]:
    return {marks[start]: marks[start + 1 : start + _MARK] for start in range(0, len(marks), _MARK)}
