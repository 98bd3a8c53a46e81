"""Values of another type that a stream map can cast: the reason says so, and the stream map in it works."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.target_stripe_flow.actions.near import PARAMETERS, at, mapped, proposed, shown
from tests.target_stripe_flow.actions.test_guards import objection

Json = dict[str, Any]  # Any: JSON


def schema_at(action: str, path: tuple[str, ...]) -> Json:
    schema: Any = ACTIONS[action].schema()
    for name in path:
        schema = schema["items"] if name == "0" else schema["properties"][name]
    return dict(schema)


def of_type(kind: str) -> pytest.MarkDecorator:
    """Every parameter of this type, at any depth."""
    found = [(action, path) for action, path in PARAMETERS if schema_at(action, path).get("type") == kind]
    return pytest.mark.parametrize(("action", "path"), found, ids=shown)


def assert_cast(action: str, path: tuple[str, ...], value: object, wanted: object, *others: object) -> None:
    """The proposed stream map makes `wanted` of the value, and leaves `others`, of other rows, as they are."""
    record = at(path, value) | ({"amount": 5} if path[0] != "amount" else {})

    rejected = objection(action, record)

    assert rejected is not None
    assert rejected.field == ".".join(path)
    maps = proposed(str(rejected))
    assert mapped(maps, action, {}, record)[0] == {"id": 1, **record, **at(path, wanted)}
    for other in others:
        assert mapped(maps, action, {}, record | at(path, other))[0] == {"id": 1, **record, **at(path, other)}


@pytest.mark.promise(
    "target 8",
    "The stream map in a message about a float or JSON text casts it, and changes no other row",
)
@of_type("integer")
def test_a_float_is_told_to_be_cast(action: str, path: tuple[str, ...]) -> None:
    assert_cast(action, path, 1250.0, 1250, 12.5, 1250, None, -3)
    assert "float" in str(objection(action, at(path, 1250.0) | {"charge": "c1"}))


@of_type("integer")
def test_a_number_as_text_is_told_to_be_cast(action: str, path: tuple[str, ...]) -> None:
    assert_cast(action, path, "1250", 1250, 12.5, 1250, None, "12.50", "ten", "")


@of_type("integer")
@pytest.mark.parametrize("value", [12.5, "12.50", "ten", "", "1e3", "\u0661", True, float("nan"), float("inf")])
def test_what_a_cast_would_change_is_not_told_to_be_cast(action: str, path: tuple[str, ...], value: object) -> None:
    rejected = objection(action, at(path, value) | ({"amount": 5} if path[0] != "amount" else {}))

    assert rejected is None  # the schema rejects it


@of_type("string")
def test_a_whole_number_is_told_to_be_made_text(action: str, path: tuple[str, ...]) -> None:
    rule = schema_at(action, path)
    if "enum" in rule or not re.search(rule.get("pattern", ""), "7"):
        assert objection(action, at(path, 7) | {"amount": 5}) is None  # the schema rejects it
        return
    if path[-1] in ACTIONS[action].references:
        assert objection(action, at(path, 10115) | {"amount": 5}) is None  # a source key is canonical text
    else:
        assert_cast(action, path, 10115, "10115", "01067", "7.0", None, "", 1.5)
    assert_cast(action, path, 7.0, "7", "x", [True])


@pytest.mark.parametrize("value", [1.5, -5, True, 1e22, 4242424242424242, 10**20, 10**400, float("nan"), float("inf")])
def test_what_is_no_plain_number_is_not_told_to_be_made_text(value: object) -> None:
    assert objection("customers", {"name": value}) is None  # the schema rejects it


@of_type("object")
def test_an_object_that_came_as_text_is_told_to_be_read(action: str, path: tuple[str, ...]) -> None:
    assert_cast(action, path, ' {"plan": "pro"}', {"plan": "pro"}, {"plan": "x"}, None, "")
    assert "must be an object" in str(objection(action, at(path, "{}") | {"amount": 5}))


@of_type("array")
def test_a_list_that_came_as_text_is_told_to_be_read(action: str, path: tuple[str, ...]) -> None:
    assert_cast(action, path, '["en"]', ["en"], ["en", "de"], None, "")
    assert "must be a list" in str(objection(action, at(path, "[]") | {"amount": 5}))


@pytest.mark.promise("target 8", "A cast inside an object changes no other member")
@pytest.mark.parametrize(
    ("action", "name", "wrong", "cast"),
    [
        ("prices", "recurring", {"interval_count": 2.0}, {"interval_count": 2}),
        ("prices", "product_data", {"metadata": '{"plan": "pro"}'}, {"metadata": {"plan": "pro"}}),
        ("customers", "shipping", {"address": '{"city": "Rome"}'}, {"address": {"city": "Rome"}}),
        ("customers", "invoice_settings", {"custom_fields": "[]"}, {"custom_fields": []}),
    ],
)
def test_a_cast_inside_an_object_leaves_its_other_members_as_they_are(
    action: str, name: str, wrong: Json, cast: Json
) -> None:
    others: Json = {"a": "12", "b": "Ann", "c": "{}", "d": 1.0, "e": None}
    record: Json = {name: {**others, **wrong}, "name": "A"}

    maps = proposed(str(objection(action, record)))

    assert mapped(maps, action, {}, record)[0] == {"id": 1, "name": "A", name: {**others, **cast}}


@pytest.mark.parametrize("text", ["x", "", "[1]", "5", "null", "{", "[" * 100_000])
def test_text_that_is_no_object_gets_no_stream_map(text: str) -> None:
    assert objection("customers", {"metadata": text}) is None  # the schema rejects it


@pytest.mark.parametrize(
    ("action", "path", "value", "wanted"),
    [
        ("charges", ("amount",), 5.0, 5),
        ("charges", ("amount",), "5", 5),
        ("customers", ("metadata",), '{"plan": "pro"}', {"plan": "pro"}),
        ("customers", ("preferred_locales",), '["en"]', ["en"]),
        ("products", ("package_dimensions",), '{"width": 1}', {"width": 1}),
        ("customers", ("shipping", "address"), '{"city": "Rome"}', {"city": "Rome"}),
    ],
)
@pytest.mark.parametrize("expression", ["COLUMN", "record.get('COLUMN')", "record['COLUMN'] if 1 else None"])
def test_a_value_that_a_stream_map_has_made_is_cast_in_it(
    action: str, path: tuple[str, ...], value: object, wanted: object, expression: str
) -> None:
    """`change the entry "x" of the setting stream_maps to have "a": "b"`."""
    made = at(path, value)
    entry = {path[0]: expression, "COLUMN": "__NULL__"}
    received: Json = {"COLUMN": made[path[0]]}

    message = str(objection(action, made | {"name": "A"}, received=received, maps={action: entry}))

    changed = re.search(r'change the entry (".*") of the setting stream_maps to have (".*)$', message)
    assert changed is not None, message
    assert json.loads(changed[1]) == action
    lines = json.loads(f"{{{changed[2]}}}")
    assert mapped({action: entry | lines}, action, {}, received)[0] == {"id": 1, **at(path, wanted)}


def test_a_value_that_no_stream_map_has_made_and_that_was_not_received_gets_none() -> None:
    message = str(objection("charges", {"amount": 5.0}, received={"total": 5.0}))

    assert "in the stream map" in message
    assert "record.get" not in message


@of_type("integer")
def test_a_float_that_the_stream_map_would_leave_is_not_told_to_be_cast(action: str, path: tuple[str, ...]) -> None:
    record = at(path, 1e22) | ({"amount": 5} if path[0] != "amount" else {})

    assert objection(action, record) is None  # the schema rejects it


def test_a_reason_shows_nothing_of_the_value() -> None:
    for value in (12345.0, "12345", json.dumps({"canary": 12345})):
        for name in ("amount", "metadata"):
            assert "12345" not in str(objection("charges", {name: value}))
            assert "canary" not in str(objection("charges", {name: value}))
