"""Guards: reasons not to send a record with valid parameters. It was read from Stripe or deleted, a name is misspelled,
or it leaves out something without saying that it means that.

Guards judge only what would be sent. A record that the journal knows as done stays `unchanged`, so that a new guard
never rejects what an earlier release sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from stripe_flow.api.spelling import nearest
from target_stripe_flow.actions import near_names
from target_stripe_flow.actions.casts import casts
from target_stripe_flow.actions.near_names import NearName, dotted
from target_stripe_flow.actions.stream_maps import REMOVED, Edit, StreamMaps
from target_stripe_flow.actions.stripe_objects import is_read_from_stripe, plain
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Rejected
from target_stripe_flow.results.text import shown_name

Json = Mapping[str, Any]  # Any: JSON

# What a column of rows that were deleted says of the others, as text.
_NOT_DELETED = frozenset({"", "0", "f", "false", "n", "no", "none", "null", "off"})

# A record without any parameter is compared with them by so many of its names: the comparison is slow.
_MOST_SUGGESTIONS = 20


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


def describe_schema(spec: ActionSpec, schema: Json, described: Json, keys: Collection[str], maps: StreamMaps) -> str:
    """Why the SCHEMA of a stream ends the run: the names in it that are spelled differently; empty if there is none.

    `described` is the SCHEMA's schema after stream maps.
    """
    names = {*_names(spec, schema), "deleted", *(["object"] if spec.moves_money else [])}
    near = [each for each in near_names.in_schema(described, schema, names, maps.computed) if each.path[0] not in keys]
    return _describe(near, f"the SCHEMA of the stream {json.dumps(maps.stream)}", maps)


def _names(spec: ActionSpec, schema: Json) -> list[str]:
    return [*schema["properties"], *spec.omission_flags.values()]


def _objections(spec: ActionSpec, schema: Json, candidate: Candidate) -> Iterator[Rejected]:
    record, picked = candidate.record, candidate.picked
    own = {name: value for name, value in record.items() if name not in candidate.keys}
    yield from _deleted(own)
    if spec.moves_money:
        # Also as received: no stream map turns an object read from Stripe into an order.
        yield from _read_from_stripe([*record.items(), *candidate.received.record.items()])
    maps = StreamMaps(
        maps=candidate.maps,
        stream=candidate.received.origin.stream,
        action=spec.name,
        members=candidate.received.record,
    )
    if spec.moves_money:
        yield from _unclear_object(record, maps)
    flags = {flag: True for flag in spec.omission_flags.values() if record.get(flag) is True}
    names = _names(spec, schema)
    near = list(near_names.in_record(own, {**picked, **flags}, schema, names))
    if near:
        yield Rejected(_describe(near, "the record", maps), dotted(near[0].meant))
    yield from _without_id(record, spec.find_by, maps)
    if not set(names) & set(record):
        yield Rejected(_describe_unknown(spec.name, names, own, maps))
    for path, kind in _misplaced_objects(record, schema, ""):
        yield Rejected(f"{path} must be of type {kind}, and the record has an object there", path)
    yield from _to_cast(picked, schema, maps)
    for name, flag in spec.omission_flags.items():
        yield from _omitted(record, picked, name, flag)


def _deleted(own: Json) -> Iterator[Rejected]:
    """A deletion read from Stripe is `{id, object, deleted: true}`: sent as a new record it would make an object."""
    for name, value in own.items():
        is_set = value.strip().casefold() not in _NOT_DELETED if isinstance(value, str) else bool(value)
        if is_set and plain(name) == "deleted":
            yield Rejected("the record says that it was deleted: the target sends nothing for it", "deleted")


def _read_from_stripe(members: Iterable[tuple[str, object]]) -> Iterator[Rejected]:
    """Every Stripe object names its type in `object` (https://docs.stripe.com/api)."""
    if is_read_from_stripe(members):
        yield Rejected(
            "its object names a Stripe object: it was read from Stripe, so it is not an order, and no money is moved "
            "for it again",
            "object",
        )


def _without_id(record: Json, find_by: str | None, maps: StreamMaps) -> Iterator[Rejected]:
    """A record that should name an existing object and does not: it might be created a second time."""
    if find_by is None or find_by not in record:
        return
    value = record[find_by]
    if value is None or (isinstance(value, str) and not value.strip()):
        line = maps.propose([Edit(path=(find_by,), name=find_by, cast=REMOVED)])
        yield Rejected(
            f"{find_by} is empty, so it is not known whether the object exists: leave {find_by} out of records that "
            f"create one{f'. To leave it out of all of this stream, {line}' if line else ''}",
            find_by,
        )


def _unclear_object(record: Json, maps: StreamMaps) -> Iterator[Rejected]:
    """An object or a list names no type, so it does not show whether the record was read from Stripe."""
    for name, value in record.items():
        if plain(name) == "object" and isinstance(value, Mapping | list):
            line = maps.propose([Edit(path=(name,), name=name, cast=REMOVED)])
            yield Rejected(
                "is an object or a list, which does not show whether this record is an order or was read from Stripe"
                f"{f'. If the column is your own, {line}' if line else ''}",
                "object",
            )


def _describe_unknown(action: str, names: Collection[str], own: Json, maps: StreamMaps) -> str:
    """Why a record without any parameter creates nothing, with the parameters that its members may be meant as."""
    message = f"none of its members is a parameter of {action}, so nothing is sent"
    shown = islice((name for name in own if shown_name(name) == name), _MOST_SUGGESTIONS)
    meant = {name: near for name in shown if (near := nearest(name, names))}
    if not meant:
        return f"{message}: rename its columns to Stripe's parameters"
    pairs = ", ".join(f"{near} for {json.dumps(name)}" for name, near in meant.items())
    line = maps.propose([Edit(path=(name,), name=near) for name, near in meant.items()])
    return f"{message}. Did you mean {pairs}?{f' Then {line}' if line else ''}"


def _to_cast(picked: Json, schema: Json, maps: StreamMaps) -> Iterator[Rejected]:
    for cast in casts(picked, schema):
        line = maps.propose([Edit(path=cast.path, cast=cast.expression)])
        yield Rejected(f"{cast.rule}; the record has {cast.found}: {line or 'in the stream map'}", dotted(cast.path))


def _misplaced_objects(value: Any, schema: Json, path: str) -> Iterator[tuple[str, str]]:  # Any: JSON
    """Paths with an object where the parameter takes another type, and that type: an empty object would be left out."""
    if isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _misplaced_objects(each, schema["items"], f"{path}.{index}")
    if not isinstance(value, dict):
        return
    known: Json = schema.get("properties", {})
    for name in (name for name in value if name in known):
        yield from _misplaced_objects(value[name], known[name], f"{path}.{name}".removeprefix("."))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "object" not in kinds:
        yield path, " or ".join(kinds)


def _describe(near: Sequence[NearName], what: str, maps: StreamMaps) -> str:
    """Names each misspelled member, its parameter, and the entry of stream_maps that renames it, if one can."""
    if not near:
        return ""
    message = "; ".join(
        f"{what} has {json.dumps(dotted(each.path))}, but the parameter is {dotted(each.meant)}" for each in near
    )
    line = maps.propose([Edit(path=each.path, name=str(each.meant[-1])) for each in near])
    return f"{message}: {line or 'use the name of the parameter'}"


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
