"""Requests count by method and path with ids left out, whatever the ids hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.operations import operation_of
from stripe_flow.api.paths import object_path
from tap_stripe_flow.streams import STREAMS
from target_stripe_flow.actions.table import ACTIONS

OURS = sorted(
    {stream.path for stream in STREAMS}
    | {endpoint.path for action in ACTIONS.values() for endpoint in action.endpoints.values()}
)
# A word where other paths of the same list have an id: Stripe's own names for operations on no object, or on many.
WORDS_FOR_IDS = re.compile(
    r"/(search|find|delete|create\w*|preview|report_payment)(/lines)?$|/fraud_challenges/respond$|/shipping/\w+$"
)


def is_path(text: str) -> bool:
    try:
        object_path("/v1/products", text)
    except ValueError:
        return False
    return True


ids = st.text(min_size=1, max_size=30).filter(is_path)


def filled(template: str, object_id: str) -> str:
    before, _, after = template.partition("/{id}")
    return object_path(before, object_id) + after if "{id}" in template else template


@pytest.mark.promise("tap 6", "Requests that differ only in ids are one operation")
@given(st.sampled_from(OURS), ids, ids)
def test_an_operation_is_its_path_without_ids(template: str, parents_id: str, object_id: str) -> None:
    path = filled(template, parents_id)

    assert operation_of("GET", path) == f"GET {template}"
    assert operation_of("GET", object_path(path, object_id)) == f"GET {template}/{{id}}"
    assert operation_of("GET", object_path(path, object_id) + "/lines") == f"GET {template}/{{id}}/lines"


def test_reading_creating_and_reading_by_id_are_operations_of_their_own() -> None:
    requests = [("GET", "/v1/charges"), ("POST", "/v1/charges"), ("GET", "/v1/charges/ch_1")]

    assert len({operation_of(*request) for request in requests}) == 3


def clients_paths() -> list[str]:
    """Every path of the official client, its ids as `{id}`."""
    sources = (file.read_text("utf-8") for file in Path(stripe.__file__).parent.rglob("*.py"))
    found = {path for source in sources for path in re.findall(r'"(/v[12]/[^"%]+)"', source)}
    return sorted({re.sub(r"\{[^}]*\}", "{id}", path) for path in found})


def test_every_path_of_the_official_client_is_an_operation() -> None:
    paths = [path for path in clients_paths() if not WORDS_FOR_IDS.search(path)]

    assert len(paths) > 400
    assert [path for path in paths if operation_of("GET", path.replace("{id}", "obj_1")) != f"GET {path}"] == []


@given(st.lists(st.from_regex(r"[a-z]+_[0-9a-z]*[0-9][0-9a-z]*", fullmatch=True), min_size=2, max_size=20))
def test_ids_in_a_namespace_that_is_not_known_make_no_operations(object_ids: list[str]) -> None:
    paths = [f"/v1/new_things/pages/{object_id}" for object_id in object_ids]

    assert len({operation_of("GET", path) for path in paths}) == 1
