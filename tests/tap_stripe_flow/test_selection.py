"""What a catalog deselects is not emitted, and neither is what it does not name, at any depth of any stream."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tap_stripe_flow.selection import select
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tap_stripe_flow.tap import TapStripeFlow
from tests.support.plugins import Message, a_config, run_tap
from tests.support.scenes import MISSING, Answer, Scenes

NOW = 1_790_000_000
# A member that Stripe added after the catalog was discovered.
NEW = "brand_new_field"
PERSON = "canary@example.com"
SECRET = {"email": PERSON}
CONFIG = a_config("http://127.0.0.1:9", customers_mode="list")

Crumb = tuple[str, ...]


@pytest.fixture(scope="module")
def catalog() -> Message:
    """A discovered catalog with every stream selected, and nothing deselected."""
    found: Message = TapStripeFlow(config=CONFIG).catalog_dict
    return selecting(found, *(spec.name for spec in STREAMS))


def selecting(catalog: Message, *names: str) -> Message:
    chosen = copy.deepcopy(catalog)
    for stream in chosen["streams"]:
        root(stream)["selected"] = stream["tap_stream_id"] in names
    return chosen


def root(stream: Message) -> Message:
    found: Message = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
    return found


def deselecting(catalog: Message, stream: str, is_deselected: Callable[[Crumb], bool]) -> Message:
    """The catalog with this stream alone, without the members whose names on the way to them are deselected."""
    chosen = selecting(catalog, stream)
    chosen["streams"] = [each for each in chosen["streams"] if each["tap_stream_id"] == stream]
    for entry in chosen["streams"][0]["metadata"]:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = not is_deselected(tuple(entry["breadcrumb"][1::2]))
    return chosen


Engines = Mapping[str, Engine]


def engines(catalog: Message) -> Engines:
    return cast("Engines", TapStripeFlow(config=CONFIG, catalog=copy.deepcopy(catalog)).streams)


def without_each(catalog: Message, is_deselected: Callable[[str, Crumb], bool]) -> Message:
    """The catalog with every stream selected, and members deselected in each."""
    chosen = copy.deepcopy(catalog)
    for stream in chosen["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"]:
                path = tuple(entry["breadcrumb"][1::2])
                entry["metadata"]["selected"] = not is_deselected(stream["tap_stream_id"], path)
    return chosen


def other_member(stream: str) -> str:
    """A member of the stream that is not its key, its stamp or `deleted`."""
    (names,) = (list(spec.schema()["properties"]) for spec in STREAMS if spec.name == stream)
    return str(next(name for name in names if name not in {"id", "created", "date", "deleted", "object"}))


@pytest.fixture(scope="module")
def with_one_deselected(catalog: Message) -> Engines:
    return engines(without_each(catalog, lambda stream, path: path == (other_member(stream),)))


@pytest.fixture(scope="module")
def with_all_deselected(catalog: Message) -> Engines:
    return engines(without_each(catalog, lambda *_: True))


@pytest.fixture(scope="module")
def with_none_deselected(catalog: Message) -> Engines:
    return engines(catalog)


def a_sample(schema: Mapping[str, Any]) -> Any:  # Any: JSON
    """A value that has every member of the schema, and in each object with named members one that is not named."""
    kinds = schema.get("type", "string")
    if "object" in kinds and schema.get("properties"):
        return {name: a_sample(part) for name, part in schema["properties"].items()} | {NEW: SECRET}
    if "array" in kinds:
        return [a_sample(schema.get("items", {}))]
    return {"free": SECRET} if "object" in kinds else "text"


def paths_of(value: object, name: str, path: Crumb = ()) -> Iterator[Crumb]:
    """The paths of the members called `name`."""
    if isinstance(value, list):
        for each in value:
            yield from paths_of(each, name, path)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name:
                yield (*path, key)
            yield from paths_of(inner, name, (*path, key))


@pytest.mark.promise(
    "tap 9",
    "Where one member of a stream is deselected, no object in its records has members that the catalog does not name",
)
@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_where_one_member_is_deselected_no_object_has_members_that_the_catalog_does_not_name(
    spec: StreamSpec, with_one_deselected: Engines
) -> None:
    selection = with_one_deselected[spec.name].selection
    whole, other = a_sample(spec.schema()), other_member(spec.name)

    assert selection is not None
    kept = selection.keep(whole)

    assert list(paths_of(kept, NEW)) == []
    named = {name: part for name, part in whole.items() if name not in {other, NEW}}
    assert kept.keys() == named.keys()
    # Maps and objects whose members Stripe does not name come whole.
    assert len(list(paths_of(kept, "free"))) == len(list(paths_of(named, "free")))


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_where_everything_is_deselected_the_keys_the_stamp_and_deleted_come(
    spec: StreamSpec, with_all_deselected: Engines
) -> None:
    found = with_all_deselected[spec.name]
    whole = a_sample(spec.schema()) | {"deleted": True}

    assert found.selection is not None
    kept = found.selection.keep(whole)

    always = {"id", "deleted", *([found.replication_key] if found.replication_key else [])}
    assert kept.keys() == always
    schema = found.selected_schema["properties"]
    assert schema.keys() == always & spec.schema()["properties"].keys()


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_a_stream_of_which_nothing_is_deselected_is_written_as_it_is(
    spec: StreamSpec, with_none_deselected: Engines
) -> None:
    assert with_none_deselected[spec.name].is_verbatim


A_TREE: Mapping[str, Any] = {
    "properties": {
        "id": {"type": "string"},
        "open": {"type": ["object", "null"], "additionalProperties": True},
        "closed": {
            "type": ["object", "null"],
            "properties": {"a": {}, "b": {"type": "object", "properties": {"c": {}}}},
        },
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {}, "b": {}}}},
        "either": {"anyOf": [{"type": "null"}, {"type": "string"}, {"type": "object", "properties": {"a": {}}}]},
        "one": {"oneOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        "all": {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        "lists": {"anyOf": [{"type": "array", "items": {"anyOf": [{"properties": {"a": {}}}, {"type": "null"}]}}]},
        "rows": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {}}}},
        "gone": {},
    }
}


def crumb(*names: str) -> Crumb:
    return tuple(step for name in names for step in ("properties", name))


@pytest.mark.parametrize(
    ("deselected", "given", "kept"),
    [
        ((), {"x": 1}, {}),
        ((), {"open": {"x": {"y": 1}}}, {"open": {"x": {"y": 1}}}),
        ((crumb("open", "x"),), {"open": {"x": 1, "y": 2}}, {"open": {"y": 2}}),
        ((crumb("open", "x", "y"),), {"open": {"x": {"y": 1, "z": 2}}}, {"open": {"x": {"z": 2}}}),
        ((), {"closed": {"a": 1, "x": 2}}, {"closed": {"a": 1}}),
        ((), {"closed": {"b": {"c": 1, "x": 2}}}, {"closed": {"b": {"c": 1}}}),
        ((crumb("closed", "b"),), {"closed": {"a": 1, "b": {"c": 1}}}, {"closed": {"a": 1}}),
        ((crumb("closed", "b", "c"),), {"closed": {"a": 1, "b": {"c": 1, "x": 2}}}, {"closed": {"a": 1, "b": {}}}),
        ((crumb("closed", "a"), crumb("closed", "b")), {"closed": {"a": 1, "b": {}, "x": 2}}, {"closed": {}}),
        ((crumb("closed"),), {"closed": {"a": 1}}, {}),
        ((), {"closed": "cus_1"}, {"closed": "cus_1"}),
        ((), {"closed": None}, {"closed": None}),
        ((), {"list": [{"a": 1, "x": 2}, {"b": 1}, None]}, {"list": [{"a": 1}, {"b": 1}, None]}),
        ((("properties", "list", "items", "properties", "a"),), {"list": [{"a": 1, "b": 2}]}, {"list": [{"b": 2}]}),
        ((crumb("list", "a"),), {"list": [{"a": 1, "b": 2}]}, {"list": [{"b": 2}]}),
        ((), {"either": {"a": 1, "x": 2}}, {"either": {"a": 1}}),
        ((), {"either": "id"}, {"either": "id"}),
        ((("properties", "either", "anyOf", "2", "properties", "a"),), {"either": {"a": 1}}, {"either": {}}),
        ((), {"one": {"a": 1, "b": 2, "x": 3}}, {"one": {"a": 1, "b": 2}}),
        ((), {"all": {"a": 1, "b": 2, "x": 3}}, {"all": {"a": 1, "b": 2}}),
        ((), {"lists": [[{"a": 1, "x": 2}]]}, {"lists": [[{"a": 1}]]}),
        ((), {"rows": {"r1": {"a": 1, "x": 2}}}, {"rows": {"r1": {"a": 1}}}),
        ((crumb("rows", "r1"),), {"rows": {"r1": {"a": 1}, "r2": {"a": 1}}}, {"rows": {"r2": {"a": 1}}}),
        ((), {"deleted": True}, {"deleted": True}),
    ],
)
def test_members_that_are_deselected_or_not_named_are_left_out(
    deselected: Sequence[Crumb], given: Message, kept: Message
) -> None:
    mask = {(): True, crumb("gone"): False, **dict.fromkeys(deselected, False)}
    found = select(A_TREE, mask, ("id", "deleted"))

    assert found is not None
    assert found.keep({"id": "1", "gone": 1, **given}) == {"id": "1", **kept}


def test_a_member_that_only_the_metadata_name_comes_if_it_is_selected() -> None:
    found = select(A_TREE, {(): True, crumb("gone"): False, crumb("closed", "new"): True}, ("id",))

    assert found is not None
    assert not found.is_free
    assert found.keep({"closed": {"new": 1, "x": 2}, "x": 3}) == {"closed": {"new": 1}}


CHARGE: Message = {
    "id": "ch_1",
    "object": "charge",
    "created": NOW - 100_000,
    "amount": 5,
    "billing_details": {"name": "Canary Jones", "email": PERSON, "new_inside": PERSON},
    "metadata": {"order": "6"},
    "payment_method_details": {"card": {"brand": "visa", NEW: PERSON}, NEW: SECRET},
    NEW: SECRET,
}
AMOUNT_ONLY = ("charges", lambda path: path != ("amount",))
NO_DETAILS = ("charges", lambda path: path[0] == "billing_details" and len(path) > 1)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"account_ids": ["acct_1", "acct_2"]},
        {"stream_maps": {"charges": {"twice": "amount * 2"}}},
        {"stream_maps": {"copies": {"__source__": "charges", "twice": "amount * 2"}}},
        {"flattening_enabled": True, "flattening_max_depth": 3},
    ],
    ids=["plain", "two accounts", "mapped", "copied", "flattened"],
)
def test_fields_that_stripe_adds_are_not_emitted_where_others_are_deselected(
    settings: Mapping[str, Any], tmp_path: Path
) -> None:
    accounts = settings.get("account_ids")
    with Scenes(now=NOW, lists={"/v1/charges": [CHARGE]}) as stripe:
        config = a_config(stripe.url, customers_mode="list", **settings)
        found: Message = TapStripeFlow(config=config, setup_mapper=False).catalog_dict
        least = run_tap(tmp_path, config, catalog=deselecting(found, *AMOUNT_ONLY))
        without = run_tap(tmp_path, config, catalog=deselecting(found, *NO_DETAILS))

    of_account = {"_stripe_account"} if accounts else set()
    assert (least.code, without.code) == (0, 0)
    assert {frozenset(each) - {"twice"} for each in least.records("charges")} == {
        frozenset({"id", "created", "amount"} | of_account)
    }
    assert len(without.records("charges")) == len(accounts or [""])
    for done in (least, without):
        assert PERSON not in done.output
        assert "Canary Jones" not in done.output
    assert any(name.startswith("metadata") for each in without.records("charges") for name in each)


def test_child_records_and_their_parents_have_selections_of_their_own(catalog: Message, tmp_path: Path) -> None:
    line = {"id": "il_1", "object": "line_item", "amount": 5, "description": "text", NEW: SECRET}
    lines = {"object": "list", "data": [line], "has_more": False, "url": "/v1/invoices/in_1/lines"}
    invoice = {"id": "in_1", "object": "invoice", "created": NOW - 100_000, "lines": lines, NEW: SECRET}
    chosen = selecting(catalog, "invoices", "invoice_line_items")
    for stream in chosen["streams"]:
        for entry in stream["metadata"]:
            if stream["tap_stream_id"] == "invoice_line_items" and entry["breadcrumb"]:
                name = entry["breadcrumb"][1]
                entry["metadata"]["selected"] = name in {"amount", "_stripe_parent"}
            if stream["tap_stream_id"] == "invoices" and entry["breadcrumb"] == ["properties", "customer_email"]:
                entry["metadata"]["selected"] = False

    with Scenes(now=NOW, lists={"/v1/invoices": [invoice]}) as stripe:
        done = run_tap(tmp_path, a_config(stripe.url, customers_mode="list"), catalog=chosen)

    assert done.code == 0
    assert done.records("invoice_line_items") == [{"id": "il_1", "amount": 5, "_stripe_parent": "in_1"}]
    # The schema does not name the members of a list's entries, so they come whole.
    assert done.records("invoices") == [{name: value for name, value in invoice.items() if name != NEW}]


@pytest.mark.promise("tap 9", "The record of a deleted object says so, whatever is deselected")
def test_the_record_of_a_deleted_object_says_so_whatever_is_deselected(catalog: Message, tmp_path: Path) -> None:
    coupon = {"id": "SPRING", "object": "coupon", "created": NOW - 100_000, "name": "Spring", "deleted": True}
    event = {
        "id": "evt_1",
        "object": "event",
        "created": NOW + 300,
        "type": "coupon.deleted",
        "data": {"object": {name: value for name, value in coupon.items() if name != "deleted"}},
    }
    chosen = deselecting(catalog, "coupons", lambda path: path != ("name",))

    with Scenes(now=NOW, lists={"/v1/coupons": [], "/v1/events": []}) as stripe:
        config = a_config(stripe.url, customers_mode="list", capture="changes")
        first = run_tap(tmp_path, config, catalog=chosen)
        gone = [Answer(path="/v1/coupons/*", status=404, body=MISSING)]
        stripe.set(now=NOW + 1000, lists={"/v1/events": [event]}, answers=gone)
        second = run_tap(tmp_path, config, state=first.states[-1], catalog=chosen)

    (stub,) = second.records("coupons")
    (schema,) = [each["schema"] for each in second.messages if each["type"] == "SCHEMA"]
    assert (stub["id"], stub["deleted"]) == ("SPRING", True)
    assert stub.keys() <= {"id", "created", "deleted", "name"}
    assert "deleted" in schema["properties"]
