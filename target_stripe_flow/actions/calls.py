"""What the calls that create and that update an object take of a record's parameters, by the marks in the schema.

`scripts/action_schemas.py` lists the marks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from target_stripe_flow.actions.stripe_objects import is_read_from_stripe
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.results.outcome import Rejected

Json = Mapping[str, Any]  # Any: JSON


def creatable(picked: Json, schema: Json) -> dict[str, Any]:
    """The picked parameters that a creation takes. Raises Rejected for a value that only an update takes."""
    for path, reason in _values_of_updates(picked, schema, ""):
        raise Rejected(reason, path)
    return {name: value for name, value in picked.items() if not _has(schema, name, "x-update-only")}


def updatable(picked: Json, schema: Json) -> dict[str, Any]:
    """The picked parameters that an update takes."""
    return {name: value for name, value in picked.items() if not _has(schema, name, "x-create-only")}


def only_updated(record: Json, schema: Json) -> list[str]:
    """The names of the parameters in a record that a creation leaves out."""
    return [name for name, value in record.items() if value is not None and _has(schema, name, "x-update-only")]


def of_an_account(schema: Json, path: str = "") -> Iterator[str]:
    """The paths of the parameters that name objects of the account."""
    for name, rules in schema.get("properties", {}).items():
        if rules.get("x-update-only") or rules.get("x-of-account"):
            yield path + name
        yield from of_an_account(rules, f"{path}{name}.")


def of_another_account(record: Json, paths: Iterable[str]) -> list[str]:
    """Those of the paths at which a copy names objects of the account that it was read from.

    A copy is a record whose `object` names a type of Stripe's objects.
    """
    foreign = [path for path in paths if _value_at(record, path) is not None]
    return foreign if foreign and is_read_from_stripe(record.items()) else []


def _value_at(value: Any, path: str) -> object:  # Any: JSON
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def without(value: Json, paths: Collection[str], path: str = "") -> dict[str, Any]:
    """`value` without the members at these paths."""
    return {
        name: without(inner, paths, f"{path}{name}.") if isinstance(inner, Mapping) else inner
        for name, inner in value.items()
        if path + name not in paths
    }


def _has(schema: Json, name: str, mark: str) -> bool:
    return bool(schema["properties"].get(name, {}).get(mark))


def unset(record: Json, schema: Json) -> dict[str, Any]:
    """What an update empties, at any depth: what is null in the record and Stripe can empty.

    Null for an object that Stripe cannot empty as a whole is null for each of its members. `metadata` is "" if all of
    it is emptied.
    """
    emptied = _unset(record, schema)
    metadata = record.get("metadata")
    if isinstance(metadata, Mapping):
        emptied["metadata"] = {str(name): "" for name, value in metadata.items() if value is None and name != MARKER}
    return emptied


def _unset(value: Json, schema: Json) -> dict[str, Any]:
    """The members that are null and may be emptied, each with an empty text, and objects that hold such members."""
    emptied: dict[str, Any] = {}
    for name, inner in value.items():
        rules = schema["properties"].get(name, {})
        if inner is None and rules.get("x-unset"):
            emptied[name] = ""
        elif "properties" in rules and isinstance(inner, Mapping | None):
            members = dict.fromkeys(rules["properties"]) if inner is None else inner
            if below := _unset(members, rules):
                emptied[name] = below
    return emptied


def not_emptied(record: Json, schema: Json, path: str = "") -> Iterator[str]:
    """The parameters of updates that are null in the record and that Stripe cannot empty, as paths."""
    for name, rules in schema["properties"].items():
        inner = record.get(name, "")
        if rules.get("x-create-only") or (inner is None and rules.get("x-unset")):
            continue
        if "properties" in rules and isinstance(inner, Mapping | None):
            members = dict.fromkeys(rules["properties"]) if inner is None else inner
            yield from not_emptied(members, rules, f"{path}{name}.")
        elif inner is None:
            yield path + name


def _values_of_updates(value: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """Pairs (path, reason) for values that only an update takes."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            rules = schema.get("properties", {}).get(name, {})
            if "properties" in rules or "x-update-values" in rules:  # most have neither
                yield from _values_of_updates(inner, rules, f"{path}.{name}".removeprefix("."))
    elif value in (later := schema.get("x-update-values", ())):
        yield (
            path,
            f"takes {value} in an update only; when the object is created it "
            + one_of(each for each in schema["enum"] if each not in later),
        )


def one_of(values: Iterable[Any]) -> str:  # Any: JSON
    """What a parameter with these values takes: `must be one of a, b`. Null and the empty text are not named."""
    known = [str(value) for value in values if value not in (None, "")]
    return f"must be one of {', '.join(known)}" if len(known) > 1 else f"must be {known[0]}"
