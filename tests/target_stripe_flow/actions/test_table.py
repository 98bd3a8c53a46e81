"""The table of actions against the official client, which knows the parameters and paths of Stripe."""

from __future__ import annotations

import json
import typing

import pytest
import stripe
from jsonschema import Draft202012Validator

from stripe_flow_sandbox.answers.ids import make_id
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.settings import CONFIG_JSONSCHEMA
from tests.support.wire import Peer, answer

EVERY_ACTION = pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
EVERY_WAY = pytest.mark.parametrize(
    ("name", "endpoint"), [(name, way) for spec in ACTIONS.values() for name, way in spec.endpoints.items()]
)


@EVERY_ACTION
def test_the_schema_is_a_valid_json_schema(spec: ActionSpec) -> None:
    Draft202012Validator.check_schema(spec.schema())


@EVERY_ACTION
def test_a_person_may_settle_with_the_ids_of_the_sandbox(spec: ActionSpec) -> None:
    assert make_id(spec.name[:-1]).startswith(spec.id_prefixes or "")


@EVERY_WAY
def test_the_path_is_the_one_the_official_client_creates_at(name: str, endpoint: Endpoint) -> None:
    with Peer([answer(200, json.dumps({"id": "x_1", "object": name[:-1]}))]) as peer:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": peer.url}, max_network_retries=0)

        getattr(client.v1, name).create({})

    assert peer.heard[0].startswith(f"POST {endpoint.path} HTTP/1.1".encode())


@EVERY_ACTION
def test_each_endpoint_is_chosen_by_a_setting_that_names_it(spec: ActionSpec) -> None:
    settings = typing.cast("dict[str, dict[str, typing.Any]]", CONFIG_JSONSCHEMA["properties"])

    assert (len(spec.endpoints) > 1) == (spec.chosen_by is not None)
    if spec.chosen_by:
        assert settings[spec.chosen_by]["enum"] == list(spec.endpoints)
        assert settings[spec.chosen_by]["default"] == next(iter(spec.endpoints))


@EVERY_ACTION
def test_references_are_parameters_and_name_actions(spec: ActionSpec) -> None:
    assert set(spec.references.values()) <= set(ACTIONS)
    assert set(spec.references) <= set(typing.cast("dict[str, typing.Any]", spec.schema())["properties"])
