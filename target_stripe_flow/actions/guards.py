"""Reasons not to send a record whose parameters are valid: it was read from Stripe, or it leaves out what costs most.

They apply to what would be sent. A record that the journal knows as done stays `unchanged`: a new rule must not reject
what an earlier release made.
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
    """A record that may be sent: as stream maps left it, the parameters picked from it, and where it came from.

    `keys` are its key properties, `maps` the setting stream_maps.
    """

    record: Json
    picked: Json
    received: Received
    keys: Collection[str]
    maps: Json


def objection(spec: ActionSpec, schema: Json, candidate: Candidate) -> Rejected | None:
    """The first reason not to send it; None where there is none."""
    return next(_objections(spec, schema, candidate), None)


def _objections(spec: ActionSpec, schema: Json, candidate: Candidate) -> Iterator[Rejected]:
    record, picked = candidate.record, candidate.picked
    if spec.moves_money:
        # As it came, too: no stream map makes an order of what has happened.
        yield from _happened([*record.items(), *candidate.received.record.items()])
    words = {word: True for word in spec.said_by.values() if record.get(word) is True}
    names = [*schema["properties"], *spec.said_by.values()]
    own = {name: value for name, value in record.items() if name not in candidate.keys}
    misnamed = list(_misnamed(own, {**picked, **words}, schema, names, ""))
    if misnamed:
        yield Rejected(_in_words(misnamed, spec.name, candidate), misnamed[0][1])
    for path, kind in _objects_for_others(record, schema, ""):
        yield Rejected(f"{path} takes a value of type {kind}, and the record has an object there", path)
    for name, word in spec.said_by.items():
        yield from _unsaid(record, picked, name, word)


def _happened(members: Iterable[tuple[str, object]]) -> Iterator[Rejected]:
    """Every Stripe object says in `object` what it is (https://docs.stripe.com/api)."""
    for name, value in members:
        if plain(name) == "object" and is_stripe_object(value):
            yield Rejected(
                f"this {value} was read from Stripe: it has already happened, so no money is moved for it again",
                "object",
            )


def _misnamed(value: Json, picked: Json, schema: Json, names: Collection[str], path: str) -> Iterator[tuple[str, str]]:
    """Members that are called like a parameter but for the spelling, and the parameter, of which nothing was picked."""
    by_form = {plain(name): name for name in names}
    for name in value:
        meant = by_form.get(plain(name))
        if meant is not None and name not in names and picked.get(meant) in (None, ""):
            yield path + name, path + meant
    for name, inner in schema["properties"].items():
        yield from _inside(value.get(name), picked.get(name), inner, f"{path}{name}.")


def _inside(value: Any, picked: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """As above, of an object, or of each in a list; metadata has no parameters."""
    if isinstance(value, Mapping) and "properties" in schema:
        yield from _misnamed(value, picked or {}, schema, schema["properties"], path)
    elif isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _inside(each, picked[index], schema["items"], f"{path}{index}.")


def _objects_for_others(value: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """Where an object stands for a parameter that is none, and what that takes: an empty one would be left out."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if isinstance(value, Mapping) and "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from _objects_for_others(value.get(name), inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, Mapping) and "object" not in kinds:
        yield path, " or ".join(kinds)
    elif isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _objects_for_others(each, schema["items"], f"{path}.{index}")


def _in_words(misnamed: list[tuple[str, str]], action: str, candidate: Candidate) -> str:
    """Which names were meant, and the entry of stream_maps that renames them, if one can."""
    told = "; ".join(f"the record has {json.dumps(path)}, and the parameter is {meant}" for path, meant in misnamed)
    top = [(path, meant) for path, meant in misnamed if path in candidate.received.record]
    if not top:  # inside an object, or a name that a stream map has made
        return f"{told}: write it so"
    renames = {meant: f"record.get({path!r})" for path, meant in top} | {path: "__NULL__" for path, _ in top}
    stream = candidate.received.origin.stream
    of_stream = {stream: candidate.maps.get(stream)} | {
        name: entry for name, entry in candidate.maps.items() if _source(entry) == stream
    }
    entry = next((name for name, each in of_stream.items() if _alias(name, each) == action), stream)
    if of_stream.get(entry):
        return f"{told}: add {json.dumps(renames)[1:-1]} to the entry {json.dumps(entry)} of the setting stream_maps"
    return f"{told}: set stream_maps to {json.dumps({stream: renames})}"


def _source(entry: object) -> object:
    return entry.get("__source__") if isinstance(entry, Mapping) else None


def _alias(name: str, entry: object) -> object:
    return entry.get("__alias__", name) if isinstance(entry, Mapping) else name


def _unsaid(record: Json, picked: Json, name: str, word: str) -> Iterator[Rejected]:
    """Without `name` Stripe takes all there is, so the record has to say `word: true`."""
    said = record.get(word)
    if said is not None and not isinstance(said, bool):
        yield Rejected(f"{word} must be true (a JSON boolean), or be left out", word)
    elif name in picked and said:
        yield Rejected(f"the record has {name}, and {word}: true for all that is left: write one of the two", word)
    elif name not in picked and not said:
        yield Rejected(
            f"{name} is missing, and without it Stripe takes all that is left: write {name}, or {word}: true", name
        )
