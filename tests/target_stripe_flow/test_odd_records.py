"""Records with values that code does not expect: each is one reject that names the field, and the others go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.lenient_json import MOST_DIGITS, MOST_LEVELS
from target_stripe_flow.message_reader import BadInput, MessageReader
from tests.kills.target.rows import WAYS, fields_of
from tests.support.plugins import Ended, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox

LONG = "1" * 5_000
MONEY = [way for way, (action, _) in WAYS.items() if ACTIONS[action].moves_money]


def deep(levels: int) -> str:
    """JSON of lists in lists."""
    return "[" * levels + "]" * levels


def deep_objects(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


# The JSON of a member of the record, by the field that the reject names.
UNREADABLE = {
    "amount": [LONG, f"-{LONG}", deep(10_000)],
    "metadata.k": [f'{{"k": {LONG}}}'],
    "metadata": [deep(900), deep_objects(10_000)],
    "id": [LONG, deep(10_000), deep(900)],
    "unknown": [LONG, deep(10_000), deep_objects(200_000), f'["]}}\\"", {deep(5_000)}]'],
    "unknown.1.b": [f'[[], {{"b": {LONG}}}]'],
    "description": [LONG, deep(150), deep(500), deep(900), deep(2_000), deep_objects(100_000)],
    "customer": [LONG, deep(900)],
}


def charge_line(member: str, value: str, number: int) -> bytes:
    """The line of a charge in which the JSON `value` replaces a member."""
    record = {"id": number, "amount": 100, "currency": "usd", "source": "tok_visa", "row": number}
    line = json.dumps(a_record("charges", **record | {member: "VALUE"}))
    return line.replace('"VALUE"', value).encode() + b"\n"


@pytest.mark.promise("target 7", "Numbers of thousands of digits and values nested very deep reject their record")
def test_what_python_cannot_read_is_a_reject_by_its_field(sandbox: Sandbox, tmp_path: Path) -> None:
    bad = [(field, value) for field, values in UNREADABLE.items() for value in values]
    lines = [charge_line(field.split(".")[0], value, number) for number, (field, value) in enumerate(bad)]
    good = [a_record("charges", id=f"good {n}", amount=100, currency="usd", source="tok_visa") for n in range(2)]

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), good[0], *lines, good[1], a_state(done=1)])

    assert [field for field, _ in bad] == [each["stripe_flow"]["field"] for each in rejects(tmp_path, by="row")]
    assert done.summary.startswith(f"{len(bad) + 2} records: 2 created, {len(bad)} rejected")
    assert (done.code, done.output) == (0, '{"done": 1}\n')
    assert "1" * 100 not in done.log + (tmp_path / "stripe-flow-rejects.jsonl").read_text()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f'{{"type": "STATE", "value": {{"n": {LONG}}}}}', id="a long number in a STATE"),
        pytest.param(f'{{"type": "STATE", "value": {{"n": {deep(5_000)}}}}}', id="a deep STATE"),
        pytest.param(f'{{"type": "RECORD", "stream": "charges", "record": {{"x": {deep(5_000)[1:]}}}}}', id="unclosed"),
        pytest.param(f'{{"type": "RECORD", "stream": "charges", "record": {{"x": {"[" * 5_000}1', id="cut"),
        pytest.param(
            f'{{"type": "RECORD", "stream": "charges", "record": {{"x": {"[" * 5_000}oops{"]" * 5_000}}}}}',
            id="no JSON",
        ),
        pytest.param(f'{{"type": "RECORD", "record": {{"x": {"[" * 5_000}{"}" * 5_000}}}}}', id="brackets"),
    ],
)
def test_a_line_that_is_no_record_stops_the_run_by_its_number(line: str, sandbox: Sandbox, tmp_path: Path) -> None:
    lines: list[dict[str, Any] | bytes] = [a_schema("charges"), line.encode() + b"\n", a_state(done=1)]

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert (done.code, done.output, len(done.errors)) == (1, "", 1)
    assert done.errors[0].startswith("line 2 of the input ")


@pytest.mark.parametrize("levels", [MOST_LEVELS - 3, *range(MOST_LEVELS * 5 - 4, MOST_LEVELS * 5 + 4), 12_345])
def test_a_record_reads_back_down_to_the_level_that_can_be_read(levels: int) -> None:
    reader = MessageReader()

    message = reader.deserialize_json(f'{{"type": "RECORD", "record": {{"a": {deep(levels)}, "b": 7}}}}'.encode())

    assert message["record"]["b"] == 7
    assert (reader.unreadable is None) == (levels < 900)
    if reader.unreadable is not None:
        assert reader.unreadable.field == "a"
    assert reader.deserialize_json(b'{"type": "RECORD", "record": {}}')["record"] == {}
    assert reader.unreadable is None


@pytest.mark.parametrize(("digits", "is_read"), [(MOST_DIGITS, True), (MOST_DIGITS + 1, False)])
def test_a_number_is_read_as_far_as_python_can_write_it(digits: int, *, is_read: bool) -> None:
    reader = MessageReader()

    reader.deserialize_json(f'{{"type": "RECORD", "record": {{"a": [NaN, {"9" * digits}]}}}}'.encode())

    assert (reader.unreadable is None) == is_read


def test_a_text_like_the_one_for_unreadable_values_is_read_as_it_is() -> None:
    line = json.dumps(a_record("charges", note="[more than 200 levels]")).encode()

    reader = MessageReader()
    reader.deserialize_json(line)

    assert reader.unreadable is None
    with pytest.raises(BadInput):
        reader.deserialize_json(line[:-1])


@pytest.mark.parametrize("way", MONEY)
def test_an_object_that_is_an_object_or_a_list_shows_no_order(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, chosen = WAYS[way]
    base = fields_of(sandbox, action)
    odd: list[Any] = [{"x": 1}, ["charge"], [], {}, [{"object": "charge"}], {"object": "charge"}]
    spelled = {"Object": {"x": 1}, "OBJECT ": [1], "_object": {}}
    records = [base | {"object": value} for value in odd] + [base | {name: value} for name, value in spelled.items()]
    fine = [base | {"object": value} for value in (None, "", "bicycle", 7, True, float("nan"))]
    lines = [a_record(action, id=number, row=number, **each) for number, each in enumerate([*records, *fine])]
    before = len(made(sandbox))

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), [a_schema(action), *lines, a_state(done=1)])

    assert [each["stripe_flow"]["field"] for each in rejects(tmp_path, by="row")] == ["object"] * len(records)
    assert done.summary.startswith(f"{len(records) + len(fine)} records: {len(fine)} created, {len(records)} rejected")
    assert (done.code, done.output) == (0, '{"done": 1}\n')
    assert len(made(sandbox)) == before + len(fine)


def test_an_odd_object_is_unchanged_where_the_journal_knows_the_record(sandbox: Sandbox, tmp_path: Path) -> None:
    record: dict[str, Any] = {"id": 1, "amount": 100, "currency": "usd", "source": "tok_visa"}
    first = run_charges(tmp_path, sandbox, record)

    again = run_charges(tmp_path, sandbox, record | {"object": {"x": 1}})

    assert (first.summary, again.summary) == ("1 records: 1 created", "1 records: 1 unchanged")


# What a stream map can make of a record, and the field of the reject.
MAPPED = {
    "amount": ["10 ** 5000", "-(10 ** 5000)", "1e308 * 10"],
    "description": ["10 ** 5000", "datetime.date(2026, 1, 1)", "datetime.datetime.now()", "10 ** 400"],
    "id": ["10 ** 5000", "datetime.date(2026, 1, 1)", "1.0"],
    "customer": ["10 ** 5000", "datetime.date(2026, 1, 1)"],
}


def test_what_a_stream_map_makes_is_a_reject_by_its_field(sandbox: Sandbox, tmp_path: Path) -> None:
    cases = [(field, expression) for field, expressions in MAPPED.items() for expression in expressions]
    maps = {f"charges_{n}": {"__alias__": "charges", field: made} for n, (field, made) in enumerate(cases)}
    lines = [
        message
        for number in range(len(cases))
        for message in (
            a_schema(f"charges_{number}") | {"schema": {"properties": {"id": {"type": "integer"}}}},
            a_record(f"charges_{number}", id=1, amount=100, currency="usd", source="tok_visa", row=number),
        )
    ]
    names = {name: name for name in maps}
    done = run_target(tmp_path, a_config(sandbox.url, stream_maps=maps, source_names=names), [*lines, a_state(done=1)])

    assert [each["stripe_flow"]["field"] for each in rejects(tmp_path, by="row")] == [field for field, _ in cases]
    assert (done.code, done.output) == (2, '{"done": 1}\n')
    assert sandbox.objects("charge") == []


def run_charges(folder: Path, sandbox: Sandbox, *records: dict[str, Any]) -> Ended:
    lines = [a_schema("charges"), *(a_record("charges", **record) for record in records)]
    return run_target(folder, a_config(sandbox.url), lines)


def made(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The objects that move money."""
    return [*sandbox.objects("charge"), *sandbox.objects("refund")]


def rejects(folder: Path, *, by: str) -> list[dict[str, Any]]:
    """The reports, in the order of a member of their records."""
    lines = (folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8").splitlines()
    reports = [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
    return sorted(reports, key=lambda each: each["record"][by])
