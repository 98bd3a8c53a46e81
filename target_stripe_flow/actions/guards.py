"""Guards: reasons not to send a record with valid parameters. It was read from Stripe, a name is misspelled, or it
leaves out an amount without saying that it means all.

Guards judge only what would be sent. A record that the journal knows as done stays `unchanged`, so that a new guard
never rejects what an earlier release sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from target_stripe_flow.actions.stripe_objects import is_stripe_object, plain
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Rejected

Json = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A record to judge: after stream maps, the parameters picked from it, and as it was received.

    `keys` are its key properties, `maps` is the setting stream_maps.
    """

    record: Json
    picked: Json
    received: Received
    keys: Collection[str]
    maps: Json


def objection(spec: ActionSpec, schema: Json, candidate: Candidate) -> Rejected | None:
    """The first reason not to send the record; None if there is none."""
    return next(_objections(spec, schema, candidate), None)


def _objections(spec: ActionSpec, schema: Json, candidate: Candidate) -> Iterator[Rejected]:
    record, picked = candidate.record, candidate.picked
    if spec.moves_money:
        # Also as received: no stream map turns an object read from Stripe into an order.
        yield from _read_from_stripe([*record.items(), *candidate.received.record.items()])
    flags = {flag: True for flag in spec.omission_flags.values() if record.get(flag) is True}
    names = [*schema["properties"], *spec.omission_flags.values()]
    own = {name: value for name, value in record.items() if name not in candidate.keys}
    misnamed = list(_misnamed(own, {**picked, **flags}, schema, names, ""))
    if misnamed:
        yield Rejected(_describe(misnamed, spec.name, candidate), misnamed[0][1])
    for path, kind in _misplaced_objects(record, schema, ""):
        yield Rejected(f"{path} must be of type {kind}, and the record has an object there", path)
    for name, flag in spec.omission_flags.items():
        yield from _omitted(record, picked, name, flag)


def _read_from_stripe(members: Iterable[tuple[str, object]]) -> Iterator[Rejected]:
    """Every Stripe object names its type in `object` (https://docs.stripe.com/api)."""
    for name, value in members:
        if plain(name) == "object" and is_stripe_object(value):
            yield Rejected(
                f"this {value} was read from Stripe, so it is not an order: no money is moved for it again", "object"
            )


def _misnamed(value: Json, picked: Json, schema: Json, names: Collection[str], path: str) -> Iterator[tuple[str, str]]:
    """Pairs (member, parameter): the names differ only in spelling, and nothing was picked for the parameter."""
    by_spelling = {plain(name): name for name in names}
    for name in value:
        parameter = by_spelling.get(plain(name))
        if parameter is not None and name not in names and picked.get(parameter) in (None, ""):
            yield path + name, path + parameter
    for name, inner in schema["properties"].items():
        yield from _misnamed_inside(value.get(name), picked.get(name), inner, f"{path}{name}.")


def _misnamed_inside(value: Any, picked: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """The same pairs inside an object or a list; metadata has no parameters."""
    if isinstance(value, Mapping) and "properties" in schema:
        yield from _misnamed(value, picked or {}, schema, schema["properties"], path)
    elif isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _misnamed_inside(each, picked[index], schema["items"], f"{path}{index}.")


def _misplaced_objects(value: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """Paths with an object where the parameter takes another type, and that type: an empty object would be left out."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if isinstance(value, Mapping) and "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from _misplaced_objects(value.get(name), inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, Mapping) and "object" not in kinds:
        yield path, " or ".join(kinds)
    elif isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _misplaced_objects(each, schema["items"], f"{path}.{index}")


def _describe(misnamed: list[tuple[str, str]], action: str, candidate: Candidate) -> str:
    """Names each misspelled member, its parameter, and the entry of stream_maps that renames it, if one can."""
    message = "; ".join(f"the record has {json.dumps(path)}, but the parameter is {name}" for path, name in misnamed)
    top = [(path, name) for path, name in misnamed if path in candidate.received.record]
    if not top:  # inside an object, or made by a stream map
        return f"{message}: use the name of the parameter"
    renames = {name: f"record.get({path!r})" for path, name in top} | {path: "__NULL__" for path, _ in top}
    stream = candidate.received.origin.stream
    entries = {stream: candidate.maps.get(stream)} | {
        name: entry for name, entry in candidate.maps.items() if _source(entry) == stream
    }
    entry = next((name for name, each in entries.items() if _alias(name, each) == action), stream)
    if entries.get(entry):
        return f"{message}: add {json.dumps(renames)[1:-1]} to the entry {json.dumps(entry)} of the setting stream_maps"
    return f"{message}: set stream_maps to {json.dumps({stream: renames})}"


def _source(entry: object) -> object:
    return entry.get("__source__") if isinstance(entry, Mapping) else None


def _alias(name: str, entry: object) -> object:
    return entry.get("__alias__", name) if isinstance(entry, Mapping) else name


def _omitted(record: Json, picked: Json, name: str, flag: str) -> Iterator[Rejected]:
    """Without `name` Stripe takes all that is left, so the record must have `name` or `flag: true`, and not both."""
    value = record.get(flag)
    if value is not None and not isinstance(value, bool):
        yield Rejected(f"{flag} must be true or false (a JSON boolean), or left out", flag)
    elif name in picked and value:
        yield Rejected(f"the record has both {name} and {flag}: true (all that is left): keep one of the two", flag)
    elif name not in picked and not value:
        yield Rejected(
            f"{name} is missing, and without it Stripe takes all that is left: set {name}, or {flag}: true", name
        )
