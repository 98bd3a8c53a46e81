"""Every parameter of every action in other spellings, and a stream map tried as the SDK applies it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from singer_sdk.mapper import PluginMapper

from target_stripe_flow.actions.table import ACTIONS

Json = dict[str, Any]  # Any: JSON


def parameters(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each parameter of an action, at any depth; `0` is the first entry of a list."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from parameters(inner, (*path, name))
        yield from parameters(inner.get("items", {}), (*path, name, "0"))


PARAMETERS = [(action, path) for action, spec in ACTIONS.items() for path in parameters(spec.schema())]


def shown(value: object) -> str:
    """The name of a test case."""
    return value if isinstance(value, str) else ".".join(value) if isinstance(value, tuple) else str(value)


def spelled(name: str) -> list[str]:
    """Spellings of a name by warehouses, files and people."""
    camel = "".join(part.title() for part in name.split("_"))
    forms = [name.upper(), camel, camel[0].lower() + camel[1:], name.replace("_", "-"), name.replace("_", " ")]
    forms += [f" {name}", f"_{name}", f"{name}\n", f"\ufeff{name}", f"{name}\u00a0", name.replace("_", "__")]
    return [form for form in dict.fromkeys(forms) if form != name]


def at(path: tuple[str, ...], value: object) -> Json:
    """A record with this value at the path."""
    inner: Any = value
    for name in reversed(path):
        inner = [inner] if name == "0" else {name: inner}
    return dict(inner)


def described_at(path: tuple[str, ...], schema: Json) -> Json:
    """The schema of such a record, as a tap describes it: each object may be null."""
    inner: Any = schema
    for name in reversed(path):
        kind = {"items": inner} if name == "0" else {"properties": {name: inner}}
        inner = {"type": ["null", "array" if name == "0" else "object"], **kind}
    return dict(inner)


def proposed(message: str) -> Json:
    """The value of stream_maps that a message proposes."""
    found = re.search(r"[sS]et stream_maps to (\{.*\})", message)
    assert found is not None, message
    maps: Json = json.loads(found[1])
    return maps


def mapped(maps: Json, stream: str, schema: Json, record: Json) -> tuple[Json, Json]:
    """The record and the schema after stream maps, as the SDK makes them."""
    mapper = PluginMapper({"stream_maps": maps}, logging.getLogger(__name__))
    mapper.register_raw_stream_schema(stream, {"properties": {"id": {}, **schema.get("properties", {})}}, ["id"])
    stream_map = mapper.stream_maps[stream][0]
    made = stream_map.transform({"id": 1, **record})
    assert made is not None
    return made, stream_map.transformed_schema
