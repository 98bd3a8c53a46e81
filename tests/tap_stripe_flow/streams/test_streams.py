"""The table of streams, compared with the official client and with Stripe's example objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import stripe
from jsonschema import Draft202012Validator

from tap_stripe_flow.listing.record import PARENT_MEMBER
from tap_stripe_flow.streams import STREAMS, StreamSpec, as_column
from tap_stripe_flow.streams.order import NEWEST_FIRST
from tests.support.official_lists import official_lists

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "examples.json").read_text())
# https://docs.stripe.com/api/events/list
MOST_TYPES = 20
EVERY_STREAM = pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)


@pytest.mark.promise("stripe", "Each stream's path is one that the official client lists")
@EVERY_STREAM
def test_the_path_is_one_that_the_official_client_lists(spec: StreamSpec) -> None:
    listed = official_lists()[spec.path]

    assert listed.owners == spec.path.count("{id}")
    assert set(spec.filters) <= listed.parameters
    if spec.child_of is None:
        assert ("created" in listed.parameters) == (spec.stamp is not None)
    elif spec.child_of.parent_filter is not None:
        assert spec.child_of.parent_filter in listed.parameters


@EVERY_STREAM
def test_stripes_examples_fit_the_schema(spec: StreamSpec) -> None:
    validator = Draft202012Validator(spec.schema())

    found = [
        error.json_path for kind in (spec.kind, *spec.other_kinds) for error in validator.iter_errors(EXAMPLES[kind])
    ]
    assert found == []


@EVERY_STREAM
def test_the_schema_has_the_key_and_the_cursor(spec: StreamSpec) -> None:
    schema: Any = spec.schema()
    cursor = {spec.stamp} if spec.stamp and spec.child_of is None else set()

    assert {"id", "object"} | cursor <= set(schema["properties"])


@EVERY_STREAM
def test_children_have_their_parent_id_and_the_list_of_the_table(spec: StreamSpec) -> None:
    schema: Any = spec.schema()
    assert (PARENT_MEMBER in schema["properties"]) == (spec.child_of is not None)
    if spec.child_of is None or spec.child_of.list_member is None:
        return

    whole: Any = spec.child_of.parent.schema()
    assert {"data", "has_more"} <= set(whole["properties"][spec.child_of.list_member]["properties"])


def test_a_column_that_refers_to_an_object_holds_its_id() -> None:
    reference: dict[str, object] = {"type": ["string", "object", "null"], "additionalProperties": True}

    assert as_column(reference) == {"type": ["string", "null"]}
    assert as_column({"type": ["object", "null"]}) == {"type": ["object", "null"]}


@EVERY_STREAM
def test_the_official_client_knows_every_event(spec: StreamSpec) -> None:
    known = set(get_args(get_type_hints(stripe.Event)["type"]))

    event_types = {*spec.events, *spec.deleted_by}
    assert event_types <= known
    assert (
        len(event_types | {*spec.listed.events, *spec.listed.deleted_by}) <= MOST_TYPES
    )  # child streams also read the events of their parents
    if spec.child_of is None:  # what is new comes from the list
        assert not [each for each in event_types if each.endswith(".created")]


def test_there_are_at_least_fifty_streams() -> None:
    assert len(STREAMS) >= 50
    assert {spec.name for spec in STREAMS if spec.is_default} == {"charges", "refunds"}


def test_names_are_unique() -> None:
    assert len({spec.name for spec in STREAMS}) == len(STREAMS)


def test_the_lists_with_a_documented_order_are_those_of_streams_that_are_read_by_time() -> None:
    assert {spec.path for spec in STREAMS if spec.stamp is not None and spec.child_of is None} >= NEWEST_FIRST
