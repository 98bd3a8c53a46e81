"""A message about an invalid line of input names its number and nothing of its content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.messages.saying import PERSON, assert_clean, assert_says, counted
from tests.support.plugins import Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox

GOOD = a_record("customers", id=1, name="Ann")
BAD_LINES: list[tuple[str, Any, str]] = [
    ("not JSON", b'{"type": "RECORD", "record": {"email": "canary@example.com"\n', "line 3 .* not JSON"),
    ("not UTF-8", b'{"type": "RECORD", "record": {"email": "canary\xff"}}\n', "line 3 .* not JSON in UTF-8"),
    ("a list", b'["canary"]\n', "line 3 .*not a Singer message"),
    ("a null", b"null\n", "line 3 .*not a Singer message"),
    ("no record", b'{"type": "RECORD", "stream": "customers"}\n', "line 3 .*is a RECORD without a record"),
    ("no type", b'{"record": {"email": "canary"}}\n', "line 3 .*not a Singer message"),
    ("an unknown type", b'{"type": "RECORDS"}\n', "line 3 .*unknown message type 'RECORDS'"),
    ("brackets without an end", b'{"type": "RECORD", "record": ' + b"[" * 100_000 + b"\n", "line 3 .*is not JSON"),
    ("a record before its schema", a_record("charges", id=1, **PERSON), "line 3 .*'charges' before its SCHEMA"),
    (
        "a record that is a list",
        b'{"type":"RECORD","stream":"customers","record":["canary"]}\n',
        "line 3 .*not a JSON object",
    ),
    ("an unknown stream", a_schema("users"), "line 3 .*stream 'users'.*stream_maps.*__alias__"),
    ("a stream without a key", a_schema("products") | {"key_properties": []}, "line 3 .*without key_properties"),
    ("a batch", {"type": "BATCH", "stream": "customers", "encoding": {}, "manifest": []}, "line 3 .*BATCH"),
    ("a state without a value", {"type": "STATE"}, "line 3 .*STATE without a value"),
    ("a stream that is a list", a_schema("customers") | {"stream": ["a"]}, "line 3 .*SCHEMA without a stream"),
    ("a record of a list", {"type": "RECORD", "stream": ["a"], "record": {}}, "line 3 .*before its SCHEMA"),
    ("properties that are a list", a_schema("customers") | {"schema": {"properties": []}}, "line 3 .*properties"),
    ("a key that is a text", a_schema("customers") | {"key_properties": "id"}, "line 3 .*not a list of names"),
]


@pytest.mark.parametrize(("line", "message"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES])
def test_a_bad_line_stops_the_run_by_its_number(line: Any, message: str, sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("customers"), GOOD, line, GOOD, a_state(done=4)]

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says(message, done.errors[0])
    assert done.output == ""
    assert_clean(done.log)
    assert counted(done, "created") == len(sandbox.objects("customer"))


CHANGED = [
    (
        "another key",
        a_schema("customers", "email"),
        "line 3 .*changes the key_properties .*customers from id to email: .*",
    ),
    ("one more key", a_schema("customers", "id", "email"), "line 3 .* from id to id, email: .*would be created again"),
    ("no key", a_schema("customers") | {"key_properties": []}, "line 3 .*without key_properties"),
    (
        "no properties",
        a_schema("customers") | {"schema": {"properties": 4}},
        "line 3 .*properties are not a JSON object",
    ),
]


@pytest.mark.parametrize(("schema", "message"), [case[1:] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_a_schema_that_changes_the_key_in_the_middle_stops_the_run(
    *, schema: Message, message: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    other = a_record("customers", id=2, email="canary@example.com")

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), GOOD, schema, other, a_state(done=4)])

    assert (done.code, len(done.errors), done.output) == (1, 1, "")
    assert_says(f"{message}.*Nothing after it was read: fix or rerun the program that writes it", done.errors[0])
    assert_clean(done.log)
    assert counted(done, "created") == len(sandbox.objects("customer")) <= 1


def test_types_that_change_in_the_middle_leave_the_records_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    texts = a_schema("customers") | {"schema": {"properties": {"id": {"type": "string"}}}}
    same = a_record("customers", id="1", name="Ann")

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), GOOD, texts, same, a_state(done=4)])

    assert (done.code, done.summary) == (0, "2 records: 1 created, 1 unchanged")


def test_truncated_input_is_reported(sandbox: Sandbox, tmp_path: Path) -> None:
    cut = b'{"type": "RECORD", "stream": "customers", "record": {"email": "canary'

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), GOOD, a_state(done=1), cut])

    assert done.code == 1
    assert_says("line 4 .*the input was cut", done.errors[0])
    assert_clean(done.log)


def test_a_last_line_without_an_end_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), json.dumps(GOOD).encode()])

    assert (done.code, counted(done, "created")) == (0, 1)


def test_rejected_records_show_nothing_of_a_person_in_the_log(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("charges"), a_record("charges", id="canary-1", amount=1.5, currency="usd", **PERSON)]
    lines.append(a_record("charges", id="canary-2", amount=100, currency="usd", customer="cus_canary"))

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.code == 2
    assert_clean(done.log)
    assert "4242424242424242" not in (tmp_path / "stripe-flow-rejects.jsonl").read_text()
