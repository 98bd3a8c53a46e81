"""The registry of streams, judged by the official client and by Stripe's own example objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import stripe
from jsonschema import Draft202012Validator

from tap_stripe_flow.streams import STREAMS, StreamSpec, as_column
from tests.support.wire import Peer, answer

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())
# https://docs.stripe.com/api/events/list
MOST_TYPES = 20
EVERY_STREAM = pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)


@EVERY_STREAM
def test_the_path_is_the_one_the_official_client_lists(spec: StreamSpec) -> None:
    with Peer([answer(200, json.dumps({"object": "list", "data": [], "has_more": False, "url": spec.path}))]) as peer:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": peer.url}, max_network_retries=0)

        getattr(client.v1, spec.name).list()

    assert peer.heard[0].startswith(f"GET {spec.path} HTTP/1.1".encode())


@EVERY_STREAM
def test_stripes_example_fits_the_schema(spec: StreamSpec) -> None:
    example = EXAMPLES[spec.kind]

    assert [error.json_path for error in Draft202012Validator(spec.schema()).iter_errors(example)] == []


@EVERY_STREAM
def test_the_schema_has_the_key_and_the_cursor(spec: StreamSpec) -> None:
    schema: Any = spec.schema()

    assert {"id", "created"} <= set(schema["properties"])


def test_a_column_that_refers_to_an_object_holds_its_id() -> None:
    reference: dict[str, object] = {"type": ["string", "object", "null"], "additionalProperties": True}

    assert as_column(reference) == {"type": ["string", "null"]}
    assert as_column({"type": ["object", "null"]}) == {"type": ["object", "null"]}


@EVERY_STREAM
def test_the_official_client_knows_every_event(spec: StreamSpec) -> None:
    known = set(get_args(get_type_hints(stripe.Event)["type"]))

    assert spec.events
    assert set(spec.events) <= known
    assert len(spec.events) <= MOST_TYPES


def test_names_are_unique() -> None:
    assert len({spec.name for spec in STREAMS}) == len(STREAMS)
