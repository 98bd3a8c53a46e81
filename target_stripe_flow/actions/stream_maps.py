"""The entry of the setting stream_maps that renames or casts members of a record, ready to be copied. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

Json = Mapping[str, Any]  # Any: JSON

# What removes a member, as the SDK's stream maps write it.
REMOVED = "__NULL__"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change to one member at `path` (names, and the places of entries in lists).

    `name` is its new name; `cast` is an expression for its new value, in which `{0}` is the old one.
    """

    path: tuple[str | int, ...]
    name: str = ""
    cast: str = "{0}"


@dataclass(kw_only=True)
class _Node:
    """A member with the changes to it and inside it; those of a list's entries have the name None."""

    name: str | None
    cast: str = "{0}"
    inside: dict[str | None, _Node] = field(default_factory=dict)


def expressions(edits: Iterable[Edit]) -> dict[str, str]:
    """The expressions of a stream map that make these changes. What is inside a member is rewritten with it."""
    root = _Node(name=None)
    for edit in edits:
        node = root
        for part in edit.path:
            key = None if isinstance(part, int) else part
            node = node.inside.setdefault(key, _Node(name=key))
        node.name, node.cast = edit.name or node.name, edit.cast
    found: dict[str, str] = {}
    for name, node in root.inside.items():
        found[str(node.name)] = _rewritten(f"record.get({name!r})", node, 0)
        if name != node.name:
            found[str(name)] = REMOVED
    return found


def _rewritten(value: str, node: _Node, depth: int) -> str:
    if None in node.inside:
        each = f"each{depth}"
        entry = _rewritten(each, node.inside[None], depth + 1)
        return f"({value} and [{entry} for {each} in {value}])"
    if not node.inside:
        return node.cast.format(value)
    name, inner = f"name{depth}", f"value{depth}"
    renamed = {old: below.name for old, below in node.inside.items() if old != below.name}
    changed = inner
    for old, below in node.inside.items():
        if below.inside or below.cast != "{0}":
            changed = f"({_rewritten(inner, below, depth + 1)} if {name} == {old!r} else {changed})"
    key = f"{renamed!r}.get({name}, {name})" if renamed else name
    kept = f" if {name} not in {sorted({str(new) for new in renamed.values()})!r}" if renamed else ""
    return f"({value} and {{{key}: {changed} for {name}, {inner} in {value}.items(){kept}}})"


@dataclass(frozen=True, kw_only=True)
class StreamMaps:
    """The setting stream_maps, as it applies to the records of one input stream that become records of `action`.

    `members` are the names that the input has.
    """

    maps: Json
    stream: str
    action: str
    members: Collection[str]

    @property
    def computed(self) -> frozenset[str]:
        """The members that the stream map makes by an expression."""
        return frozenset(
            name
            for name, expression in (self._entry[1] or {}).items()
            if isinstance(expression, str) and expression != REMOVED and not name.startswith("__")
        )

    @property
    def _entry(self) -> tuple[str, Json | None]:
        """The entry for these records and its name; with None if there is none yet."""
        entries = {
            name: entry
            for name, entry in self.maps.items()
            if not name.startswith("__")
            and isinstance(entry, Mapping)
            and fnmatch(self.stream, str(entry.get("__source__", name)))
        }
        named = [name for name, entry in entries.items() if entry.get("__alias__", name) == self.action]
        chosen = (named or [*entries] or [self.stream])[-1]
        return chosen, entries.get(chosen)

    def propose(self, edits: Collection[Edit]) -> str:
        """`set stream_maps to {…}`: how to make these changes; empty if a stream map made all these members itself."""
        computed = self.computed
        possible = [edit for edit in edits if edit.path[0] in self.members and edit.path[0] not in computed]
        if not possible:
            return ""
        # A member that the stream map makes already is left as it is.
        lines = {name: line for name, line in expressions(possible).items() if name not in computed}
        name, entry = self._entry
        if entry is not None:
            where = f"the entry {json.dumps(name)} of the setting stream_maps"
            return f"add {json.dumps(lines)[1:-1]} to {where}"
        if self.maps:
            return f"add {json.dumps({name: lines})[1:-1]} to the setting stream_maps"
        return f"set stream_maps to {json.dumps({name: lines})}"
