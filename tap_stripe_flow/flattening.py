"""The column names that the SDK's flattening makes of nested members. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from singer_sdk.helpers._flattening import FlatteningOptions, flatten_key

Schema = Mapping[str, Any]  # Any: JSON schema

# PostgreSQL cuts longer names.
POSTGRES_LENGTH = 63
_LEAST = {"flattening_max_depth": 0, "flattening_max_key_length": 1}


def find_problems(config: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    """A message for each setting of flattening with which the SDK would fail."""
    if config.get("flattening_enabled") and config.get("flattening_max_depth") is None:
        yield "setting flattening_enabled is true, so flattening_max_depth is needed: set it to 1 or more"
    for name, least in _LEAST.items():
        value = config.get(name)
        if value is not None and value < least:
            yield f"setting {name} must be at least {least}"


def explain_equal_names(stream: str, schema: Schema, options: FlatteningOptions) -> str:
    """The message for two members of a stream that become one column; empty if there are none."""
    columns = _columns(schema, options)
    for name, members in columns.items():
        if len(members) > 1:
            return (
                f"the settings of flattening give two members of the stream {stream} one column, {name}: "
                f"{' and '.join(members[:2])}. Raise flattening_max_key_length (it is {options.max_key_length}; "
                f"{POSTGRES_LENGTH} is enough), or change flattening_separator or flattening_max_depth"
            )
    return ""


def explain_long_names(stream: str, columns: Sequence[str]) -> str:
    """The warning for two columns that are one after PostgreSQL has cut their names; empty if there are none."""
    seen: dict[bytes, str] = {}
    for name in columns:
        other = seen.setdefault(_cut(name), name)
        if other != name:
            return (
                f"the columns {other} and {name} of the stream {stream} begin with the same {POSTGRES_LENGTH} bytes. "
                "PostgreSQL keeps no more of a name, so its loader would fail: for PostgreSQL set "
                f"flattening_max_key_length to {POSTGRES_LENGTH}"
            )
    return ""


def _cut(name: str) -> bytes:
    return name.encode()[:POSTGRES_LENGTH]


def _columns(schema: Schema, options: FlatteningOptions) -> Mapping[str, list[str]]:
    """The members that become each column, by its name; members are written `card.checks`."""
    columns: dict[str, list[str]] = {}
    for path in _members(schema, options.max_level):
        *parents, name = path
        column = flatten_key(name, parents, options.separator, max_key_length=options.max_key_length)
        columns.setdefault(column, []).append(".".join(path))
    return columns


def _members(schema: Schema, levels: int, parents: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each member that becomes a column: those inside of objects, `levels` deep."""
    for name, part in schema.get("properties", {}).items():
        if levels > 0 and "object" in part.get("type", ()) and "properties" in part:
            yield from _members(part, levels - 1, (*parents, name))
        else:
            yield (*parents, name)
