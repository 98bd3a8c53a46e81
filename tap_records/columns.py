"""Columns: a value's path in a record, its type, and the JSON schema of a record.

A dot in a column's name makes an object: the columns `metadata.plan` and `shipping.address.line1` become
`{"metadata": {"plan": …}, "shipping": {"address": {"line1": …}}}`. An object whose cells are all empty is absent.
For a member whose own name has a dot, use a column of type `object` with JSON in its cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tap_records.values import TYPES, ValueType

Record: TypeAlias = dict[str, Any]  # Any: a row's JSON, as singer_sdk types it
Schema: TypeAlias = dict[str, Any]  # Any: JSON schema

# Keys are strings or integers: a fraction or an object has more than one spelling.
KEY_TYPES = ("string", "integer")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A named, typed value of a record; `path` is the name split at its dots."""

    name: str
    path: tuple[str, ...]
    type: ValueType


def typed_columns(names: Iterable[str], types: Mapping[str, str]) -> list[Column]:
    """A column for each name, in the same order; a name that `types` lacks is a string."""
    return [Column(name=name, path=tuple(name.split(".")), type=TYPES[types.get(name, "string")]) for name in names]


def clashing_name(names: Iterable[str]) -> str | None:
    """A name that is both a value and an object around other values, such as `a` beside `a.b`; None if none is."""
    known = set(names)
    for name in sorted(known):
        parts = name.split(".")
        for length in range(1, len(parts)):
            outer = ".".join(parts[:length])
            if outer in known:
                return outer
    return None


def put(record: Record, path: tuple[str, ...], value: object) -> None:
    """Set the value at `path` in `record`, creating the objects around it."""
    *outer, last = path
    for name in outer:
        record = record.setdefault(name, {})
    record[last] = value


def record_schema(columns: Iterable[Column], keys: Sequence[str]) -> Schema:
    """The JSON schema of a record: columns are nullable except keys, and other fields are allowed."""
    schema = _object_schema()
    for column in columns:
        node = schema
        *outer, last = column.path
        for name in outer:
            node = node["properties"].setdefault(name, _object_schema())
        node["properties"][last] = {"type": [column.type.name, "null"]}
    for key in keys:
        known = schema["properties"].get(key, {"type": KEY_TYPES})["type"]
        schema["properties"][key] = {"type": [type_name for type_name in known if type_name != "null"]}
    return {**schema, "type": "object", "required": list(keys)}


def _object_schema() -> Schema:
    return {"type": ["object", "null"], "properties": {}, "additionalProperties": True}
