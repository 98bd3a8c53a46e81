"""Reasons not to send a record whose parameters are valid: it was read from Stripe, or it leaves out what costs most.

They apply to what would be sent. A record that the journal knows as done stays `unchanged`: a new rule must not reject
what an earlier release made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from target_stripe_flow.actions.stripe_objects import is_stripe_object, plain
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.results.outcome import Rejected

Json = Mapping[str, Any]  # Any: JSON


def objection(spec: ActionSpec, schema: Json, record: Json, *, stream: str, keys: Collection[str]) -> Rejected | None:
    """The first reason not to send `record`; None where there is none.

    `stream` is the input's name for it, which a stream map takes; `keys` are its key properties.
    """
    return next(_objections(spec, schema, record, stream=stream, keys=keys), None)


def _objections(
    spec: ActionSpec, schema: Json, record: Json, *, stream: str, keys: Collection[str]
) -> Iterator[Rejected]:
    if spec.moves_money:
        yield from _happened(record)
    names = [*schema["properties"], *spec.said_by.values()]
    for path, meant in _misnamed({name: record[name] for name in record if name not in keys}, schema, names, ""):
        told = f"the record has {json.dumps(path)}, and the name of the parameter is {meant}"
        yield Rejected(f"{told}: {_rename(stream, path, meant)}", meant)
    for name, word in spec.said_by.items():
        yield from _unsaid(record, name, word)


def _happened(record: Json) -> Iterator[Rejected]:
    """Every Stripe object says in `object` what it is (https://docs.stripe.com/api)."""
    for name, value in record.items():
        if plain(name) == "object" and is_stripe_object(value):
            yield Rejected(
                f"this {value} was read from Stripe: it has already happened, so no money is moved for it again",
                "object",
            )


def _misnamed(value: Json, schema: Json, names: Collection[str], path: str) -> Iterator[tuple[str, str]]:
    """Members that are called like a parameter but for the spelling, and the parameter, which has no value itself."""
    by_form = {plain(name): name for name in names}
    for name in value:
        meant = by_form.get(plain(name))
        if meant is not None and name not in names and value.get(meant) in (None, ""):
            yield path + name, path + meant
    for name, inner in schema["properties"].items():
        yield from _inside(value.get(name), inner, f"{path}{name}.")


def _inside(value: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """As above, of an object, or of each in a list; metadata has no parameters."""
    if isinstance(value, Mapping) and "properties" in schema:
        yield from _misnamed(value, schema, schema["properties"], path)
    elif isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _inside(each, schema["items"], f"{path}{index}.")


def _rename(stream: str, path: str, meant: str) -> str:
    if "." in meant:
        return f"rename it to {meant}"
    expression = path if path.isidentifier() else f"record[{path!r}]"
    return f"set stream_maps to {json.dumps({stream: {meant: expression, path: '__NULL__'}})}"


def _unsaid(record: Json, name: str, word: str) -> Iterator[Rejected]:
    """Without `name` Stripe takes all there is, so the record has to say `word: true`."""
    said, is_named = record.get(word), record.get(name) is not None
    if said is not None and not isinstance(said, bool):
        yield Rejected(f"{word} must be true (a JSON boolean), or be left out", word)
    elif is_named and said:
        yield Rejected(f"the record has {name}, and {word}: true for all that is left: write one of the two", word)
    elif not is_named and not said:
        yield Rejected(
            f"{name} is missing, and without it Stripe takes all that is left: write {name}, or {word}: true", name
        )
