"""Names that are spelled differently: in a SCHEMA they end the run, and the proposed stream map renames them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.stream_maps import StreamMaps
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.actions.near import PARAMETERS, at, described_at, mapped, proposed, shown, spelled
from tests.target_stripe_flow.actions.test_guards import CHARGE, MONEY, objection

Json = dict[str, Any]  # Any: JSON
EVERY_PARAMETER = pytest.mark.parametrize(("action", "path"), PARAMETERS, ids=shown)


def refused(
    action: str, described: Json, *keys: str, maps: Json | None = None, members: Collection[str] | None = None
) -> str:
    """Why a SCHEMA ends the run; empty if it does not. `members` are its names before stream maps."""
    known = described.get("properties", {}) if members is None else members
    stream_maps = StreamMaps(maps=maps or {}, stream=action, action=action, members=known)
    return RecordChecker(ACTIONS[action]).describe_schema(described, keys, stream_maps)


def typed(*names: str) -> Json:
    return {"properties": {name: {"type": ["string", "null"]} for name in names}}


@pytest.mark.promise("target 8", "The stream map in such a message renames the member, at any depth")
@EVERY_PARAMETER
def test_a_misspelled_name_in_a_schema_is_refused_and_the_proposed_stream_map_renames_it(
    action: str, path: tuple[str, ...]
) -> None:
    for form in spelled(path[-1]):
        near = (*path[:-1], form)
        described = described_at(near, {"type": "string"})

        message = refused(action, described)

        assert f"but the parameter is {'.'.join(path)}" in message, form
        maps = proposed(message)
        record, after = mapped(maps, action, described, at(near, "x"))
        assert record == {"id": 1, **at(path, "x")}
        assert refused(action, after, "id", maps=maps, members=described["properties"]) == ""


@EVERY_PARAMETER
def test_the_stream_map_of_a_rejected_record_renames_its_member(action: str, path: tuple[str, ...]) -> None:
    for form in spelled(path[-1]):
        record = at((*path[:-1], form), "x")

        maps = proposed(str(objection(action, record)))

        for more in ({}, {path[0]: None} if len(path) > 1 else {form: None}):
            renamed, _ = mapped(maps, action, {}, record | more)
            again = objection(action, renamed, "id", received=record | more, maps=maps)
            assert again is None or "but the parameter is" not in str(again)
        assert mapped(maps, action, {}, record)[0] == {"id": 1, **at(path, "x")}


@EVERY_PARAMETER
def test_a_schema_with_the_exact_name_too_leaves_it_to_the_record(action: str, path: tuple[str, ...]) -> None:
    text = {"type": "string"}
    for form in spelled(path[-1]):
        inner: Any = {"type": "object", "properties": {path[-1]: text, form: text}}

        assert refused(action, described_at(path[:-1], inner) if path[:-1] else inner) == ""


@pytest.mark.parametrize("rule", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("path", [("address", "City"), ("tax_id_data", "0", "Type"), ("ADDRESS", "city")], ids=shown)
def test_a_schema_of_several_alternatives_is_read(rule: str, path: tuple[str, ...]) -> None:
    described: Any = {"type": "string"}
    for name in reversed(path):
        kind = {"items": described} if name == "0" else {"properties": {name: described}}
        described = {rule: [{"type": "null"}, {"type": "array" if name == "0" else "object", **kind}]}

    assert "but the parameter is" in refused("customers", described)


@pytest.mark.parametrize("odd", [[], True, None, {"type": 5}, {"properties": []}, {"anyOf": 5}, {"items": [{}]}])
def test_an_odd_schema_is_left_to_the_records(odd: object) -> None:
    assert refused("customers", {"properties": {"address": odd, "tax_id_data": odd, "name": odd}}) == ""


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("described", [{}, {"properties": {}}, typed("id", "shop", "full_name", "deleted", "object")])
def test_a_loose_schema_is_left_to_the_records(action: str, described: Json) -> None:
    assert refused(action, described, "id") == ""


@pytest.mark.parametrize("action", ACTIONS)
def test_key_columns_and_metadata_of_a_schema_may_have_any_name(action: str) -> None:
    name = next(name for other, (name, *_) in PARAMETERS if other == action).upper()
    metadata = {"properties": {"metadata": {"type": "object", **typed("AMOUNT", "Email", "OBJECT")}}}

    assert refused(action, {"properties": typed(name)["properties"] | metadata["properties"]}, name) == ""
    assert refused(action, typed(name)) != ""


@pytest.mark.parametrize(
    ("action", "name"),
    [
        *((name, "DELETED") for name in ACTIONS),
        *((name, "Object") for name in MONEY),
        *((name, str(spec.find_by).upper()) for name, spec in ACTIONS.items() if spec.find_by),
        *((name, flag.upper()) for name, spec in ACTIONS.items() for flag in spec.omission_flags.values()),
    ],
)
def test_a_misspelled_guard_or_flag_in_a_schema_is_refused(action: str, name: str) -> None:
    message = refused(action, typed("id", name), "id")

    assert f'"{name}"' in message
    assert refused(action, mapped(proposed(message), action, typed("id", name), {})[1], "id") == ""


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if not spec.find_by])
def test_other_actions_ignore_the_name_that_finds_an_object(action: str) -> None:
    assert refused(action, typed("STRIPE_ID")) == ""
    for value in (None, "", "cus_1"):
        assert objection(action, {"stripe_id": value, "STRIPE_ID": value, "amount": 5, "metadata": {}}) is None


def test_what_a_stream_map_makes_is_judged_by_its_name_and_not_inside() -> None:
    maps: Json = {"customers": {"Email": "mail", "address": "place"}}
    described: Json = {"properties": {**typed("Email")["properties"], "address": typed("City")}}

    message = refused("customers", described, maps=maps, members=["mail", "place"])

    assert message.endswith('has "Email", but the parameter is email: use the name of the parameter')


def test_members_of_a_misspelled_object_are_renamed_with_it() -> None:
    record: Json = {"SHIPPING": {"Name": "Ann", "ADDRESS": {"Line1": "x", "city": "Rome"}}, "name": "Ann"}

    message = str(objection("customers", record))

    renamed, _ = mapped(proposed(message), "customers", {}, record)
    assert renamed == {
        "id": 1,
        "name": "Ann",
        "shipping": {"name": "Ann", "address": {"line1": "x", "city": "Rome"}},
    }


@pytest.mark.parametrize(
    "maps",
    [
        {"customers": {"phone": "tel"}},
        {"cust*": {"phone": "tel"}},
        {"charges": {"__source__": "customers"}, "customers": {}},
        {"orders": {"__alias__": "charges"}},
        {"__else__": None, "customers": {"phone": "tel"}},
    ],
)
def test_what_is_added_to_existing_stream_maps_works(maps: Json) -> None:
    """`add "a": "b" to the entry "x" of the setting stream_maps`, or `add "x": {…} to the setting stream_maps`."""
    record: Json = {"NAME": "Ann", "SHIPPING": {"Name": "Ann"}, "tel": "1", "place": {"city": "Rome"}}

    message = str(objection("customers", record, maps=maps))

    added = re.search(r'add (".*) to (?:the entry (".*") of )?the setting stream_maps', message)
    assert added is not None
    lines = json.loads(f"{{{added[1]}}}")
    entry = json.loads(added[2]) if added[2] else None
    merged = maps | ({entry: {**maps[entry], **lines}} if entry else lines)
    made, _ = mapped(merged, "customers", {}, record)
    assert (made["name"], made["shipping"]) == ("Ann", {"name": "Ann"})
    assert not {"NAME", "SHIPPING"} & set(made)


def send(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


@pytest.mark.promise("target 8", "A SCHEMA with a parameter in another spelling ends the run before its records")
@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_misspelled_name_in_a_schema_ends_the_run_before_its_records(
    action: str, settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    name = next(name for other, (name, *_) in PARAMETERS if other == action).upper()
    before = [a_schema("customers"), a_record("customers", id=0, name="Ann"), a_state(before=1)]
    schema = a_schema(action) | {"schema": typed("id", name)}

    done = send(sandbox, tmp_path, *before, schema, a_record(action, id=1, **CHARGE), a_state(all=2), **settings)

    [message] = done.errors
    assert (done.code, len(sandbox.objects("customer"))) == (1, 0 if settings else 1)
    assert {each["path"] for each in sandbox.requests() if each["method"] == "POST"} <= {"/v1/customers"}
    assert f'"{name}"' in message
    assert f"Nothing of the stream {action} was sent" in message
    assert done.messages == ([] if settings else [{"before": 1}])
    assert done.summary.startswith("1 records: 1 ")


def test_a_source_is_not_remembered_for_a_schema_that_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    wrong = a_schema("customers", "ID") | {"schema": typed("ID", "EMAIL")}

    first = send(sandbox, tmp_path, wrong)
    again = send(sandbox, tmp_path, a_schema("customers"), a_record("customers", id=1, email="a@example.com"))

    assert first.code == 1
    assert again.summary == "1 records: 1 created"


def test_a_record_of_which_the_exact_name_has_a_value_is_sent_with_one_warning(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    schema = a_schema("customers") | {"schema": typed("id", "name", "NAME")}
    records = [a_record("customers", id=number, name="Ann", NAME="Bob") for number in range(2)]

    done = send(sandbox, tmp_path, schema, *records)

    assert done.summary == "2 records: 2 created"
    assert [each["name"] for each in sandbox.objects("customer")] == ["Ann", "Ann"]
    assert done.log.count("| WARNING ") == 1
