"""Objects of any stream, drawn from the stream's schema, which comes from Stripe's description of its API."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from typing import Any

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Message

Schema = Mapping[str, Any]  # Any: JSON schema

# Deeper values of a schema are empty.
DEPTH = 4
# How much of an object is drawn: its schema may have a thousand members, and checking them takes most of the time.
SHARE = 0.25
# Texts that a reader of bytes may stumble over.
TEXTS = ("", "x", "Žluťoučký 🐴", 'a "quoted" \\ text', "\0", "\u2028", '"has_more":true', "<html>", "null", "é" * 300)
NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, -(2**62))
VALUES: Mapping[str, Sequence[object]] = {
    "null": (None,),
    "boolean": (True, False),
    "integer": NUMBERS,
    "number": (*NUMBERS, 0.5, 1e-7),
    "string": TEXTS,
}


def generate_object(spec: StreamSpec, object_id: str, created: int, rng: random.Random) -> Message:
    """An object as Stripe may show it: members are absent or null where the schema allows it."""
    drawn = _object(_schema(spec.name), rng, DEPTH)
    drawn.pop("deleted", None)
    times = {name: created for name in ("created", spec.stamp) if name in drawn or name == spec.stamp}
    return drawn | {"id": object_id, "object": spec.kind} | {name: time for name, time in times.items() if name}


def a_list(url: str, *entries: object) -> Message:
    """A whole list, as inside an object."""
    return {"object": "list", "data": list(entries), "has_more": False, "url": url}


@functools.cache
def _schema(name: str) -> Schema:
    return next(spec for spec in STREAMS if spec.name == name).schema()


def _object(schema: Schema, rng: random.Random, depth: int) -> Message:
    properties = schema.get("properties", {})
    if {"data", "has_more"} <= properties.keys():
        return a_list("/v1/nested", *([{"id": "nested_1", "object": "x"}] * rng.randrange(2)))
    drawn = {name: _value(part, rng, depth - 1) for name, part in properties.items() if depth and rng.random() < SHARE}
    if rng.random() < 0.2:
        drawn["member_of_tomorrow"] = {"x": [1, None, "y"]}
    return drawn


def _value(schema: Schema, rng: random.Random, depth: int) -> object:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = rng.choice(kinds)
    if kind == "array":
        return [_value(schema["items"], rng, depth - 1) for _ in range(rng.randrange(3))] if depth > 0 else []
    if kind == "object":
        return _object(schema, rng, max(depth, 0))
    return rng.choice(VALUES[kind])
