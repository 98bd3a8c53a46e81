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


def expressions(edits: Iterable[Edit], made: Mapping[str, str]) -> dict[str, str]:
    """The expressions of a stream map that make these changes. What is inside a member is rewritten with it.

    `made` has the expressions by which the stream map makes members already: they are changed.
    """
    root = _Node(name=None)
    for edit in edits:
        node = root
        for part in edit.path:
            key = None if isinstance(part, int) else part
            node = node.inside.setdefault(key, _Node(name=key))
        node.name, node.cast = edit.name or node.name, edit.cast
    found: dict[str, str] = {}
    for name, node in ((str(each), node) for each, node in root.inside.items()):
        value = f"({made[name]})" if name in made else f"record.get({name!r})"
        found[str(node.name)] = _rewritten(value, node, 0)
        if name != node.name:
            found[name] = REMOVED
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
            changed = f"(({_rewritten(inner, below, depth + 1)}) if {name} == {old!r} else {changed})"
    key = f"{renamed!r}.get({name}, {name})" if renamed else name
    kept = f" if {name} not in {sorted({str(new) for new in renamed.values()})!r}" if renamed else ""
    return f"({value} and {{{key}: {changed} for {name}, {inner} in {value}.items(){kept}}})"


def _replaces(edit: Edit) -> bool:
    """Whether a member of the record is renamed or removed."""
    return edit.cast == REMOVED or (len(edit.path) == 1 and edit.name not in {"", edit.path[0]})


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
        return frozenset(self._made)

    @property
    def _made(self) -> dict[str, str]:
        """The members that the stream map makes, and their expressions."""
        return {
            name: expression
            for name, expression in (self._entry[1] or {}).items()
            if isinstance(expression, str) and expression != REMOVED and not name.startswith("__")
        }

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
        """`set stream_maps to {…}`: how to make these changes; empty if it can make none of them.

        Of a member that the stream map makes itself, the value is changed, but it is not renamed or removed.
        """
        made = self._made
        kept = {edit.path[0] for edit in edits if edit.path[0] in made and _replaces(edit)}
        possible = [each for each in edits if each.path[0] in {*self.members, *made} - kept]
        if not possible:
            return ""
        own = {edit.path[0] for edit in possible}
        lines = {name: line for name, line in expressions(possible, made).items() if name in own or name not in made}
        name, entry = self._entry
        if not lines.keys().isdisjoint(made):
            return f"change the entry {json.dumps(name)} of the setting stream_maps to have {json.dumps(lines)[1:-1]}"
        if entry is not None:
            where = f"the entry {json.dumps(name)} of the setting stream_maps"
            return f"add {json.dumps(lines)[1:-1]} to {where}"
        if self.maps:
            return f"add {json.dumps({name: lines})[1:-1]} to the setting stream_maps"
        return f"set stream_maps to {json.dumps({name: lines})}"
