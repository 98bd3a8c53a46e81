"""What a catalog selects of a stream's records. Pure.

The SDK leaves out what the catalog deselects. It emits what the catalog does not name: a field that Stripe adds later
would come although everything like it is deselected. So where anything is deselected, objects whose schema names their
members are reduced to the named and selected ones, at every depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from singer_sdk.mapper import SameRecordTransform, StreamMap
from singer_sdk.singerlib.catalog import Metadata, MetadataMapping

Schema = Mapping[str, Any]  # Any: JSON schema
Path = tuple[str, ...]
Mask = Mapping[Path, bool]

# Without it the record of a deleted object would look like that of an object that has lost its fields.
DELETED = "deleted"

_BRANCHES = ("anyOf", "oneOf", "allOf")


@dataclass(frozen=True)
class Selection:
    """What is kept of an object, or of each object of a list.

    - `members` are the names to keep, with what is kept inside each; None keeps it whole.
    - `is_free`: the schema does not name the members. Others are kept too, with `others` inside, but not `dropped`.
    """

    members: Mapping[str, Selection | None] = field(default_factory=dict)
    is_free: bool = False
    others: Selection | None = None
    dropped: frozenset[str] = frozenset()

    def keep(self, value: Any) -> Any:  # Any: JSON
        """The part of `value` that is kept; a value that is no object and no list is kept whole."""
        if isinstance(value, list):
            return [self.keep(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {}
        for name, inner in value.items():
            if name in self.members:
                part = self.members[name]
            elif self.is_free and name not in self.dropped:
                part = self.others
            else:
                continue
            kept[name] = inner if part is None else part.keep(inner)
        return kept


def select(schema: Schema, mask: Mask, always: Iterable[str]) -> Selection | None:
    """What the catalog keeps of a stream's records: None if it deselects nothing, so that records are whole.

    `schema` is the catalog's. `mask` says for breadcrumbs of the catalog whether they are selected. Members named in
    `always` come whatever the catalog says.
    """
    if all(mask.values()):
        return None
    found = _select([schema], _Named(mask), ())
    members = found.members if found else {}
    return Selection(members={**members, **{name: members.get(name) for name in always}})


def include(metadata: MetadataMapping, names: Iterable[str]) -> MetadataMapping:
    """The metadata of a stream, in which no selection leaves out the members `names`."""
    for name in names:
        if ("properties", name) in metadata:
            metadata["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
    return metadata


def is_unchanged(maps: Sequence[StreamMap], stream: str) -> bool:
    """Whether the stream's maps leave its records as they are: nothing is mapped, flattened or renamed."""
    return (
        len(maps) == 1
        and type(maps[0]) is SameRecordTransform
        and not maps[0].flattening_enabled
        and maps[0].stream_alias == stream
    )


class _Named:
    """The members that breadcrumbs of a catalog name, and which of them are deselected."""

    def __init__(self, mask: Mask) -> None:
        self._names: dict[Path, dict[str, bool]] = {}
        for breadcrumb, is_selected in mask.items():
            path = member_path(breadcrumb)
            for end, name in enumerate(path):
                self._names.setdefault(path[:end], {}).setdefault(name, True)
            if path:
                self._names[path[:-1]][path[-1]] = is_selected

    def inside(self, path: Path) -> Mapping[str, bool]:
        """The members that are named inside the object at `path`, and whether each is selected."""
        return self._names.get(path, {})


def _select(schemas: Sequence[Schema], named: _Named, path: Path) -> Selection | None:
    """What is kept of an object that fits one of `schemas`; None: all of it."""
    every = [branch for schema in schemas for branch in _branches(schema)]
    parts: dict[str, list[Schema]] = {}
    for schema in every:
        for name, part in (schema.get("properties") or {}).items():
            parts.setdefault(name, []).append(part)
    masked = named.inside(path)
    members = {
        name: _select(parts.get(name, []), named, (*path, name))
        for name in {**parts, **masked}
        if masked.get(name, True)
    }
    if parts:
        return Selection(members=members)
    dropped = frozenset(name for name, is_selected in masked.items() if not is_selected)
    values = [each for each in (schema.get("additionalProperties") for schema in every) if isinstance(each, dict)]
    others = _select(values, _Named({}), ()) if values else None
    if not dropped and others is None and not any(members.values()):
        return None
    return Selection(members=members, is_free=True, others=others, dropped=dropped)


def _branches(schema: Schema) -> Iterator[Schema]:
    """The schema, its alternatives, and the schema of its items: a list is reduced like each of its items."""
    if not isinstance(schema, dict):  # a JSON schema may be true or false
        return
    yield schema
    items = schema.get("items")
    parts = [each for name in _BRANCHES for each in schema.get(name) or ()]
    for part in [*parts, *(items if isinstance(items, list) else [items])]:
        yield from _branches(part)


def member_path(breadcrumb: Path) -> Path:
    """The names of members in a breadcrumb: `properties, lines, items, properties, amount` is `lines, amount`."""
    path: list[str] = []
    steps = iter(breadcrumb)
    for step in steps:
        if step == "properties":
            path.extend([name for name in [next(steps, None)] if name is not None])
    return tuple(path)
