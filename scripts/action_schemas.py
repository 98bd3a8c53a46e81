"""The JSON schema of each action of the target, from Stripe's description of its calls and our own rules.

`python -m scripts.generate_schemas` writes them. `data/stripe_calls.json` has Stripe's part, `action_rules` ours. The
description of the creation is the base; where the action changes objects, the one of the update adds

- `x-create-only`: an update leaves the parameter out. `x-update-only`: a creation does.
- `x-update-values`: values that only an update takes.
- `x-unset`: null empties the parameter in an update.

and our rules `x-of-account`: the id of an object of the account, which a copy in another account cannot name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from scripts.action_rules import (
    ADDED,
    ALWAYS_REQUIRED,
    DECIMAL,
    DIFFERENCES,
    EMPTIES,
    LEFT_OUT,
    LENGTH,
    METADATA,
    NO_UPDATE,
    REQUIRED,
    RULES,
    Schema,
)

Fact: TypeAlias = Mapping[str, Any]  # Any: a parameter in Stripe's description
Call: TypeAlias = Mapping[str, Fact]

CALLS: Mapping[str, Mapping[str, Call]] = {
    action: calls
    for action, calls in json.loads(
        (Path(__file__).parent / "data" / "stripe_calls.json").read_text(encoding="utf-8")
    ).items()
    if action in RULES
}
DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def action_schema(action: str) -> Schema:
    """The schema of the parameters of an action's records."""
    creates, changes = CALLS[action]["create"], CALLS[action]["update"]
    changed = {} if (action, "", NO_UPDATE) in DIFFERENCES else changes
    schema = _Description(action).object(creates, changed, "")
    for name, parameter in schema["properties"].items():
        if changed and name not in changed:
            parameter["x-create-only"] = True
        if name not in creates:
            parameter["x-update-only"] = True
    schema["properties"] |= {path: RULES[action][path] for path in paths(action, ADDED)}
    return {**DIALECT, "title": "", "type": "object", **schema, **RULES[action][""]}


def paths(action: str, kind: str) -> list[str]:
    """The parameters of an action with this kind of difference."""
    return [path for name, path, each in DIFFERENCES if (name, each) == (action, kind)]


def rendered(schema: Schema) -> str:
    """The schema as text."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class _Description:
    """One action's parameters as JSON schema. A path is as in `action_rules`."""

    def __init__(self, action: str) -> None:
        self._action = action

    def object(self, created: Call, updated: Call, path: str) -> Schema:
        """The members of an object, as Stripe's calls take them."""
        facts = {**created, **updated}
        names = [name for name in sorted(facts) if not self._has(path + name, LEFT_OUT)]
        properties = {name: self._parameter(created.get(name), updated.get(name), path + name) for name in names}
        required = [name for name in names if facts[name].get("required") or self._has(path + name, REQUIRED)]
        required += [name for name in names if self._has(path + name, ALWAYS_REQUIRED)]
        return {"properties": properties} | ({"required": required} if required else {})

    def _has(self, path: str, difference: str) -> bool:
        return (self._action, path, difference) in DIFFERENCES

    def _parameter(self, created: Fact | None, updated: Fact | None, path: str) -> Schema:
        fact: Fact = created or updated or {}
        schema = self._type(fact, created or {}, updated or {}, path)
        later = [value for value in (updated or {}).get("enum", ()) if created and value not in created["enum"]]
        if later:
            schema["enum"] = [*later, *schema["enum"]]
            schema["x-update-values"] = later
        schema |= RULES[self._action].get(path, {})
        if self._has(path, NO_UPDATE):
            schema["x-create-only"] = True
        elif updated and (updated.get("accepts_empty_string") or self._has(path, EMPTIES)):
            schema["x-unset"] = True
        return schema

    def _type(self, fact: Fact, created: Fact, updated: Fact, path: str) -> Schema:
        if "nested" in fact:
            inner = self.object(created.get("nested", {}), updated.get("nested", {}), f"{path}.")
            return {"type": "object", **inner}
        if fact.get("map", {}).get("type") == "string":
            return dict(METADATA)
        if "map" in fact:
            values = self._type(fact["map"], fact["map"], {}, f"{path}{{}}")
            return {"type": "object", "additionalProperties": _nullable(values)}
        if "items" in fact:
            items = self._parameter(fact["items"], None, f"{path}[]")
            return {"type": "array", "items": items} | _limit(fact, "max_items", "maxItems")
        return self._scalar(fact, path)

    def _scalar(self, fact: Fact, path: str) -> Schema:
        schema: Schema = {"type": fact["type"]}
        if fact["type"] == "string" and "enum" in fact:
            # An empty text is a value of its own where it unsets the parameter.
            schema["enum"] = [*fact["enum"], *([""] if fact.get("accepts_empty_string") else [])]
        if fact.get("decimal"):
            schema |= DECIMAL
        return schema | ({} if self._has(path, LENGTH) else _limit(fact, "max_length", "maxLength"))


def _limit(fact: Fact, name: str, keyword: str) -> Schema:
    return {keyword: fact[name]} if name in fact else {}


def _nullable(schema: Schema) -> Schema:
    """The schema of a value inside an object with free keys, of which nulls are left out only when it is sent."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    result = {**schema, "type": [*types, "null"]}
    if "enum" in schema:
        result["enum"] = [*schema["enum"], None]
    if "properties" in schema:
        required = schema.get("required", [])
        members = schema["properties"].items()
        result["properties"] = {name: inner if name in required else _nullable(inner) for name, inner in members}
        result["additionalProperties"] = {"type": "null", "x-reasons": {"*": "is no parameter of Stripe's"}}
    if "items" in schema:
        result["items"] = _nullable(schema["items"])
    return result
