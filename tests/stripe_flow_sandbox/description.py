"""A check of answers against Stripe's description: which members are required, which may be null, which values exist.

`tests/data/described.json` has the facts. They are no data of the sandbox, which makes its objects from other files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FACTS: dict[str, dict[str, Any]] = json.loads(  # Any: text, or a list of text
    (Path(__file__).parents[1] / "data" / "described.json").read_text(encoding="utf-8")
)
# The version of the facts.
TODAY = "2026-10-28.endive"
_LIST, _DELETED = {"object", "data", "has_more", "url"}, {"id", "object", "deleted"}


def differences(body: object, at: str = "") -> Iterator[str]:
    """Every difference of an answer from the description, one text each; objects at any depth are checked as such."""
    if isinstance(body, list):
        for index, each in enumerate(body):
            yield from differences(each, f"{at}[{index}]")
    elif isinstance(body, dict):
        kind = body.get("object")
        if kind == "list":
            yield from _same(set(body), _LIST, f"{at}: list")
        elif body.get("deleted"):
            yield from _same(set(body), _DELETED, f"{at}: deleted {kind}")
        elif kind == "event" and body.get("api_version") != TODAY:
            # Its object has the shape of an older version.
            body = {**body, "data": {"object": {}}}
            yield from _members("event", "", body, at)
            return
        elif kind in _FACTS:
            yield from _members(str(kind), "", body, at)
            return
        for name, each in body.items():
            yield from differences(each, f"{at}.{name}")


def _same(found: set[str], described: set[str], at: str) -> Iterator[str]:
    if found != described:
        yield f"{at} has {sorted(found)}, and the description has {sorted(described)}"


@cache
def _tree(noun: str) -> Mapping[str, Mapping[str, tuple[str, tuple[str, ...]]]]:
    """Path of an object or array → its members → (presence, known values); `[]` is what an array holds."""
    tree: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
    for path, fact in _FACTS[noun].items():
        presence, *values = [fact] if isinstance(fact, str) else fact
        parent, _, name = path.removesuffix("[]").rpartition(".")
        parent, name = (path[:-2], "[]") if path.endswith("[]") else (parent, name)
        tree.setdefault(parent, {})[name] = (presence, tuple(values))
    return tree


def _members(noun: str, path: str, body: Mapping[str, Any], at: str) -> Iterator[str]:
    members = _tree(noun).get(path)
    if members is None:
        # A map with free keys, or an object of another type.
        for name, value in body.items():
            yield from differences(value, f"{at}.{name}")
        return
    where = f"{at} {noun}.{path}".strip(".")
    for name in members.keys() - body.keys():
        if members[name][0].startswith("required") and name != "[]":
            yield f"{where}: {name} is required and absent"
    for name, value in body.items():
        if name not in members:
            yield f"{where}: {name} is not described"
            continue
        yield from _value(noun, f"{path}.{name}".strip("."), value, members[name], f"{at}.{name}")


def _value(noun: str, path: str, value: object, fact: tuple[str, tuple[str, ...]], at: str) -> Iterator[str]:
    presence, known = fact
    if value is None:
        if not presence.endswith("or null"):
            yield f"{at} {noun}.{path}: is null and must be left out"
    elif isinstance(value, str) and known and value not in known:
        yield f"{at} {noun}.{path}: {value!r} is not a known value"
    elif isinstance(value, list):
        item = _tree(noun).get(path, {}).get("[]", ("required", ()))
        for index, each in enumerate(value):
            yield from _value(noun, f"{path}[]", each, item, f"{at}[{index}]")
    elif isinstance(value, dict):
        is_whole = value.get("object") in (*_FACTS, "list") or value.get("deleted")
        yield from differences(value, at) if is_whole else _members(noun, path, value, at)
