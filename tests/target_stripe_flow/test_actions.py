"""The registry, judged by the official client: it knows which parameters and paths there are."""

from __future__ import annotations

import importlib
import json
import typing

import pytest
import stripe
from jsonschema import Draft202012Validator

from target_stripe_flow.actions import ACTIONS, ActionSpec
from tests.support.wire import Peer, answer

EVERY_ACTION = pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
# Parameters that we leave out on purpose.
NOT_TAKEN = {"expand": "shapes the answer, not the object", "id": "a record's id is only ever its source key"}
# Fields of a record that are no parameters.
OURS = {"stripe_id"}


@EVERY_ACTION
def test_the_schema_is_a_schema(spec: ActionSpec) -> None:
    Draft202012Validator.check_schema(spec.schema())


@EVERY_ACTION
def test_the_accepted_parameters_are_those_of_the_official_client(spec: ActionSpec) -> None:
    name = f"{spec.name[:-1].capitalize()}CreateParams"
    official = set(getattr(importlib.import_module("stripe.params"), name).__annotations__)
    schema = typing.cast("dict[str, typing.Any]", spec.schema())

    assert set(schema["properties"]) - OURS == official - set(stripe.RequestOptions.__annotations__) - set(NOT_TAKEN)


@EVERY_ACTION
def test_the_path_is_the_one_the_official_client_creates_at(spec: ActionSpec) -> None:
    with Peer([answer(200, json.dumps({"id": "x_1", "object": spec.name[:-1]}))]) as peer:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": peer.url}, max_network_retries=0)

        getattr(client.v1, spec.name).create({})

    assert peer.heard[0].startswith(f"POST {spec.path} HTTP/1.1".encode())


@EVERY_ACTION
def test_what_an_action_refers_to_is_an_action(spec: ActionSpec) -> None:
    assert set(spec.references.values()) <= set(ACTIONS)
    assert set(spec.references) <= set(typing.cast("dict[str, typing.Any]", spec.schema())["properties"])
