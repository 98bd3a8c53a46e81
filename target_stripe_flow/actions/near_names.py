"""Members whose name is a parameter's but for case, white space, `_` or `-`, in a record or in a SCHEMA. Pure.

`metadata` has no parameters, so the names inside it are free.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from target_stripe_flow.actions.stripe_objects import plain

Json = Mapping[str, Any]  # Any: JSON
Path = tuple[str | int, ...]  # names of members, and the places of entries in lists


@dataclass(frozen=True, kw_only=True)
class NearName:
    """Where the member is, and the same path with the names of the parameters."""

    path: Path
    meant: Path


def dotted(path: Path) -> str:
    """`address.city`, `tax_id_data.0.type`."""
    return ".".join(map(str, path))


@dataclass(frozen=True, kw_only=True)
class _Level:
    """The parameters at one depth: their schemas and all their names, and where that is."""

    schemas: Json
    names: Collection[str]
    path: Path = ()
    meant: Path = ()

    def parameter(self, name: str) -> str | None:
        """The parameter with this name, or with one that is spelled differently."""
        return name if name in self.names else self._by_spelling.get(plain(name))

    @cached_property
    def _by_spelling(self) -> dict[str, str]:
        return {plain(name): name for name in self.names}

    def below(self, name: str, parameter: str) -> _Level:
        """The level inside a member or, by its index, an entry of a list."""
        inner = self.schemas.get(parameter, {})
        known = inner.get("properties", {})
        return _Level(schemas=known, names=known, path=(*self.path, name), meant=(*self.meant, parameter))

    def entry(self, index: int, schema: Json) -> _Level:
        known = schema.get("properties", {})
        return _Level(schemas=known, names=known, path=(*self.path, index), meant=(*self.meant, index))


def in_record(record: Json, picked: Json, schema: Json, names: Collection[str]) -> Iterator[NearName]:
    """The members of a record for whose parameter nothing was picked. `names` are the parameters of the top level."""
    yield from _in_members(record, picked, _Level(schemas=schema["properties"], names=names))


def _in_members(record: Json, picked: Any, level: _Level) -> Iterator[NearName]:  # Any: JSON
    has = picked if isinstance(picked, dict) else {}
    for name, value in record.items():
        parameter = level.parameter(name)
        if parameter is None or (name != parameter and has.get(parameter) not in (None, "")):
            continue
        if name != parameter:
            yield NearName(path=(*level.path, name), meant=(*level.meant, parameter))
        if isinstance(value, (dict, list)):
            own = has.get(name) if name == parameter else value
            yield from _inside(value, own, level.below(name, parameter), level.schemas.get(parameter))


def _inside(value: Any, picked: Any, level: _Level, schema: Json | None) -> Iterator[NearName]:  # Any: JSON
    if isinstance(value, dict) and level.names:
        yield from _in_members(value, picked, level)
    elif isinstance(value, list) and schema is not None and "items" in schema:
        entries = picked if isinstance(picked, list) else value
        for index, (each, own) in enumerate(zip(value, entries, strict=True)):
            yield from _inside(each, own, level.entry(index, schema["items"]), schema["items"])


def in_schema(described: Json, schema: Json, names: Collection[str], opaque: Collection[str]) -> Iterator[NearName]:
    """The properties of a SCHEMA whose parameter it does not have.

    `names` are the parameters of the top level. What is inside the members `opaque` is not known: a stream map makes
    them.
    """
    yield from _in_properties(described, _Level(schemas=schema["properties"], names=names), opaque)


def _in_properties(described: Json, level: _Level, opaque: Collection[str] = ()) -> Iterator[NearName]:
    members = _members(described)
    for name, inner in members.items():
        parameter = level.parameter(name)
        if parameter is None or (name != parameter and parameter in members):
            continue
        if name != parameter:
            yield NearName(path=(*level.path, name), meant=(*level.meant, parameter))
        if name not in opaque:
            yield from _inside_properties(inner, level.below(name, parameter), level.schemas.get(parameter, {}))


def _inside_properties(described: Any, level: _Level, schema: Json) -> Iterator[NearName]:  # Any: JSON schema
    if level.names:
        yield from _in_properties(described, level)
    elif "items" in schema:
        for each in _alternatives(described):
            yield from _inside_properties(each.get("items"), level.entry(0, schema["items"]), schema["items"])


def _members(described: Any) -> dict[str, Any]:  # Any: JSON schema
    found: dict[str, Any] = {}
    for each in _alternatives(described):
        properties = each.get("properties")
        found |= properties if isinstance(properties, Mapping) else {}
    return found


def _alternatives(described: Any) -> Iterator[Json]:  # Any: JSON schema
    """The schema and, at any depth, those of which it is made."""
    if not isinstance(described, Mapping):
        return
    yield described
    for rule in ("anyOf", "oneOf", "allOf"):
        options = described.get(rule)
        for each in options if isinstance(options, list) else ():
            yield from _alternatives(each)
