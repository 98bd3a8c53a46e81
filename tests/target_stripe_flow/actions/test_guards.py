"""What is never sent although it is valid: history, names spelled otherwise, and what leaves out the most."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES

from tap_stripe_flow.streams import STREAMS
from target_stripe_flow.actions.guards import Candidate
from target_stripe_flow.actions.stripe_objects import RETIRED_OBJECTS, STRIPE_OBJECTS, plain
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.outcome import Rejected
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.generated import valid

Json = dict[str, Any]  # Any: JSON

MONEY = [name for name, spec in ACTIONS.items() if spec.moves_money]
SAID = [(action, name, word) for action, spec in ACTIONS.items() for name, word in spec.said_by.items()]
CHARGE = {"amount": 5000, "currency": "usd", "source": "tok_visa"}


def objection(
    action: str, record: Mapping[str, Any], *keys: str, received: Json | None = None, maps: Json | None = None
) -> Rejected | None:
    """`received` is the record before stream maps."""
    checker = RecordChecker(ACTIONS[action])
    origin = Received(
        origin=Origin(stream=action, key_properties=keys), record=record if received is None else received, line=1
    )
    picked = checker.pick(dict(record))
    return checker.objection(Candidate(record=record, picked=picked, received=origin, keys=keys, maps=maps or {}))


def parameters(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where each parameter of an action stands, at any depth; `0` is the first entry of a list."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from parameters(inner, (*path, name))
        yield from parameters(inner.get("items", {}), (*path, name, "0"))


PARAMETERS = [(action, path) for action, spec in ACTIONS.items() for path in parameters(spec.schema())]


def spelled(name: str) -> list[str]:
    """As warehouses and people write it."""
    camel = "".join(part.title() for part in name.split("_"))
    forms = [name.upper(), camel, name.replace("_", "-"), name.replace("_", " "), f" {name}", f"_{name}", f"{name}\n"]
    return [form for form in dict.fromkeys(forms) if form != name]


def first_of(action: str) -> str:
    """A parameter of the action that is not the amount."""
    return next(name for other, (name, *_) in PARAMETERS if other == action and name != "amount")


def at(path: tuple[str, ...], value: object) -> Json:
    """A record with this value there."""
    inner: Any = value
    for name in reversed(path):
        inner = [inner] if name == "0" else {name: inner}
    return dict(inner)


@pytest.mark.parametrize(
    ("action", "path"), PARAMETERS, ids=lambda each: each if isinstance(each, str) else ".".join(each)
)
def test_a_parameter_that_is_spelled_otherwise_is_rejected_by_its_name(action: str, path: tuple[str, ...]) -> None:
    for form in spelled(path[-1]):
        for value in ("x", None, ""):
            told = objection(action, at((*path[:-1], form), value))

            assert told is not None, form
            assert told.field == ".".join(path)
            assert json.dumps(".".join((*path[:-1], form))) in str(told)


@pytest.mark.parametrize("action", ACTIONS)
def test_metadata_has_names_of_its_own(action: str) -> None:
    told = objection(action, {"metadata": {first_of(action).upper(): "x", "Object": "charge"}, "amount": 1})

    assert told is None


@pytest.mark.parametrize("action", ACTIONS)
def test_a_key_column_may_be_called_as_it_likes(action: str) -> None:
    name = first_of(action).upper()

    assert objection(action, {name: 7, "amount": 1}, name) is None


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
def test_nothing_is_held_against_a_valid_record_with_columns_of_others(action: str, data: st.DataObject) -> None:
    """The exact name counts where it has a value, and only then is another spelling dropped."""
    record = data.draw(valid(action)) | {"shop": 1, "object": "bicycle"}
    extra = {name.upper(): "x" for name, value in record.items() if value not in (None, "")}

    assert objection(action, extra | record) is None


@pytest.mark.parametrize(("action", "name", "word"), SAID)
@pytest.mark.parametrize("absent", [{}, {"name": None}, {"word": None}, {"word": False}, {"name": None, "word": False}])
def test_what_is_left_out_is_not_taken_for_all(action: str, name: str, word: str, absent: Json) -> None:
    record = {{"name": name, "word": word}[each]: value for each, value in absent.items()}

    told = objection(action, record)

    assert told is not None
    assert told.field == name
    assert f"{word}: true" in str(told)


@pytest.mark.parametrize(("action", "name", "word"), SAID)
def test_all_that_is_left_has_a_word_of_its_own(action: str, name: str, word: str) -> None:
    assert objection(action, {word: True}) is None
    assert objection(action, {name: 5}) is None
    assert objection(action, {name: 5, word: False}) is None


@pytest.mark.parametrize(("action", "name", "word"), SAID)
@pytest.mark.parametrize("value", ["true", 1, 0, [], {}])
def test_the_word_is_a_yes_or_a_no(action: str, name: str, word: str, value: object) -> None:
    told = objection(action, {name: 5, word: value})

    assert told is not None
    assert told.field == word


@pytest.mark.parametrize(("action", "name", "word"), SAID)
def test_both_are_a_contradiction(action: str, name: str, word: str) -> None:
    told = objection(action, {name: 5, word: True})

    assert told is not None
    assert told.field == word


@pytest.mark.parametrize(("action", "name", "word"), SAID)
def test_the_word_is_never_sent_and_changes_no_fingerprint(action: str, name: str, word: str) -> None:
    checker = RecordChecker(ACTIONS[action])

    assert checker.pick({word: True, name: None, "charge": "ch_1"}) == {"charge": "ch_1"}
    assert word not in checker.dropped


@pytest.mark.parametrize(("action", "path"), PARAMETERS, ids=lambda e: e if isinstance(e, str) else ".".join(e))
@pytest.mark.parametrize("value", [{}, {"x": None}, {"stripe_flow": 7}, {"x": 1}])
def test_an_object_where_a_parameter_is_none_is_not_left_out(action: str, path: tuple[str, ...], value: Json) -> None:
    """An empty one would vanish, and with it what it stood for: `amount: {}` paid back all there was."""
    schema: Any = ACTIONS[action].schema()
    for name in path:
        schema = schema["items"] if name == "0" else schema["properties"][name]
    is_object = schema["type"] == "object"  # of which an empty one says nothing, and others are checked

    told = objection(action, at(path, value) | ({"amount": 5} if path[0] != "amount" else {}))

    assert (told is None) == is_object
    assert told is None or told.field == ".".join(path)


@pytest.mark.parametrize("empty", [None, "", {}, {"city": None}])
def test_an_exact_name_of_which_nothing_is_sent_does_not_stand_for_the_other_spelling(empty: object) -> None:
    told = objection("customers", {"address": empty, "Address": {"city": "Rome"}})

    assert told is not None
    assert told.field == "address"


def test_a_key_column_that_is_a_parameter_has_a_value_too() -> None:
    assert objection("customers", {"email": "a@example.com", "EMAIL": "a@example.com"}, "email") is None


def test_the_word_in_another_spelling_counts_only_where_it_is_said_at_all() -> None:
    told = objection("refunds", {"amount": 700, "full": False, "FULL": True})

    assert told is not None
    assert told.field == "full"


def test_all_names_that_were_meant_are_told_at_once_with_one_map() -> None:
    told = objection("customers", {"ID": 1, "EMAIL": "a@example.com", "NAME": "A", "address": {"City": "Rome"}}, "ID")

    said = str(told)
    proposed = json.loads(said[said.index("set stream_maps to ") + len("set stream_maps to ") :])
    assert set(proposed["customers"]) == {"email", "EMAIL", "name", "NAME"}
    assert "address.City" in said


@pytest.mark.parametrize(
    ("maps", "entry"),
    [
        ({"refunds": {"x": "y"}}, "refunds"),
        ({"rows": {"__alias__": "refunds"}, "refunds": {"__source__": "other"}}, None),
        ({"refunds": {"y": "x"}, "__else__": None}, "refunds"),
        ({"charges": {"__source__": "rows"}}, None),
    ],
)
def test_an_entry_that_is_there_is_added_to(maps: Json, entry: str | None) -> None:
    told = str(objection("refunds", {"AMOUNT": 1}, maps=maps))

    assert (f'to the entry "{entry}" of the setting stream_maps' in told) == (entry is not None)


def test_a_name_that_a_stream_map_has_made_is_not_looked_for_in_the_input() -> None:
    told = str(objection("refunds", {"AMOUNT": 1}, received={"amt": 1}))

    assert "write it so" in told
    assert "record.get" not in told


def test_no_stream_map_makes_an_order_of_what_was_read_from_stripe() -> None:
    for name in MONEY:
        assert objection(name, {"amount": 5}, received={"object": "payment_intent", "amount": 5}) is not None


@pytest.mark.parametrize("action", MONEY)
@pytest.mark.parametrize("member", ["object", "OBJECT", "Object", "_object", " object"])
def test_whatever_was_read_from_stripe_moves_no_money(action: str, member: str) -> None:
    for name in STRIPE_OBJECTS | RETIRED_OBJECTS:
        for form in (name, name.replace(".", "_"), name.title()):
            told = objection(action, {member: form, "amount": 5})

            assert told is not None, form
            assert told.field == "object"


@pytest.mark.parametrize("action", MONEY)
@pytest.mark.parametrize("value", ["bicycle", "", None, 7, ["charge"], {"charge": 1}])
def test_a_column_of_one_s_own_may_be_called_object(action: str, value: object) -> None:
    assert objection(action, {"object": value, "amount": 5}) is None


def test_all_objects_of_the_official_client_are_known() -> None:
    assert set(OBJECT_CLASSES) | set(V2_OBJECT_CLASSES) <= STRIPE_OBJECTS


def send(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def charged(sandbox: Sandbox, folder: Path) -> None:
    assert send(sandbox, folder, a_schema("charges"), a_record("charges", id="c1", **CHARGE)).code == 0


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
@pytest.mark.parametrize("record", [{"AMOUNT": 700}, {"Amount": 700}, {"amount": None}, {}, {"full": "yes"}])
def test_a_refund_that_does_not_say_how_much_pays_nothing_back(
    record: Json, settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    charged(sandbox, tmp_path)

    done = send(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", id="r", charge="c1", **record), **settings)

    assert sandbox.objects("refund") == []
    assert done.summary.startswith("1 records: 1 rejected")


def test_the_stream_map_that_a_reject_proposes_is_the_one_that_helps(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    columns = {"id": {"type": "string"}, "charge": {"type": "string"}}
    named = {"type": "SCHEMA", "stream": "refunds", "key_properties": ["id"]}
    for name in ("AMOUNT", "a mount"):
        schema = named | {"schema": {"properties": columns | {name: {"type": "integer"}}}}
        record = a_record("refunds", id=name, charge="c1", **{name: 700})
        done = send(sandbox, tmp_path, schema, record)
        told = [json.loads(line) for line in (tmp_path / "stripe-flow-rejects.jsonl").read_text().splitlines()]
        proposed = re.search(r"set stream_maps to (\{.*\})", told[-1]["stripe_flow"]["reason"])
        assert done.summary.startswith("1 records: 1 rejected")
        assert proposed is not None

        helped = send(sandbox, tmp_path, schema, record, stream_maps=json.loads(proposed[1]))

        assert helped.summary == "1 records: 1 created"
    assert [each["amount"] for each in sandbox.objects("refund")] == [700, 700]


def test_a_refund_that_was_made_before_the_word_was_asked_for_stays_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    first = send(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", id="r", charge="c1", full=True))

    # As an earlier release took it; one of the two waits for the other, which must not matter.
    bare = [a_record("refunds", id="r", charge="c1", **more) for more in ({}, {"full": True}, {"AMOUNT": None}, {})]
    again = send(sandbox, tmp_path, a_schema("refunds"), *bare)

    assert first.summary == "1 records: 1 created"
    assert again.summary == "4 records: 4 unchanged"
    assert [each["amount"] for each in sandbox.objects("refund")] == [5000]


def test_in_one_run_a_bare_record_of_a_refund_that_is_under_way_is_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    both = [a_record("refunds", id="r", charge="c1", **more) for more in ({"full": True}, {})]

    done = send(sandbox, tmp_path, a_schema("refunds"), *both)

    assert done.summary == "2 records: 1 created, 1 unchanged"


@pytest.mark.parametrize("name", ["payment_intent", "payout", "balance_transaction"])
@pytest.mark.parametrize("member", ["object", "OBJECT"])
def test_history_of_any_kind_that_is_called_charges_is_not_charged(
    name: str, member: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    columns: Json = {each: {} for each in ("id", member, "amount", "currency", "source")}
    schema = a_schema("rows") | {"schema": {"properties": columns}}
    record = a_record("rows", id="x_1", **{member: name}, **CHARGE)

    done = send(sandbox, tmp_path, schema, record, stream_maps={"rows": {"__alias__": "charges"}})

    assert sandbox.objects("charge") == []
    assert done.summary.startswith("1 records: 1 rejected")


ODD_REFERENCES: list[tuple[str, Json]] = [
    *(
        ("charges", {"object": "payment_intent", "customer": odd, "amount": 500, "currency": "usd"})
        for odd in ({"id": "cus_1"}, ["cus_1"], 1.5, True)
    ),
    ("refunds", {"charge": ["c1"], "AMOUNT": 5}),
    ("refunds", {"charge": {"id": "ch_1"}}),
    ("prices", {"CURRENCY": "usd", "product": {"id": "prod_1"}}),
    ("customers", {"EMAIL": "x", "stripe_id": ["a"]}),
]


@pytest.mark.parametrize(("action", "odd"), ODD_REFERENCES)
@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
def test_an_odd_reference_of_a_record_that_is_not_sent_stops_no_other(
    action: str, odd: Json, settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    good = a_record("charges", id="good", **CHARGE)

    done = send(
        sandbox, tmp_path, a_schema(action), a_record(action, id="odd", **odd), a_schema("charges"), good, **settings
    )

    assert done.code == 0
    assert done.summary.startswith("2 records: 1 created, 1 rejected")


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
def test_a_changed_record_is_told_its_spelling_and_not_to_take_a_new_key(
    settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    charged(sandbox, tmp_path)
    send(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", id="m", charge="c1", amount=7))

    done = send(
        sandbox,
        tmp_path,
        a_schema("refunds"),
        a_record("refunds", id="m", charge="c1", AMOUNT=7),
        **settings,
        on_reject="fail",
    )

    assert "AMOUNT" in done.log
    assert "new key" not in done.log


def test_what_is_rebuilt_is_not_taken_for_a_record_that_is_misspelled(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    right, wrong = (a_record("refunds", id="z", charge="c1", **amount) for amount in ({"amount": 7}, {"AMOUNT": 7}))
    send(sandbox, tmp_path, a_schema("refunds"), right)
    (tmp_path / "stripe-flow-journal.db").unlink()
    (tmp_path / "journal.json").write_text(json.dumps(a_config(sandbox.url)))
    for command in ("init", "rebuild"):
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", command, "--config", "journal.json"]
        assert run(line, tmp_path).code == 0

    known = [send(sandbox, tmp_path, a_schema("refunds"), each).summary for each in (wrong, right)]

    assert known == ["1 records: 1 unchanged", "1 records: 1 unchanged"]
    assert len(sandbox.objects("refund")) == 1


STRIPES_OWN = [
    *("payment_intent", "public-payment_intents", "stripe_payment_intents", "shop.payouts", "balance_transaction"),
    *("capabilities", "usage_records"),
    *(spec.name for spec in STREAMS if spec.name not in ACTIONS),
]


@pytest.mark.parametrize("stream", STRIPES_OWN)
def test_a_list_of_stripe_s_is_refused_without_a_way_to_order_it_again(
    stream: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = send(sandbox, tmp_path, a_schema(stream), a_record(stream, id="x_1"))

    [said] = done.errors
    assert done.code == 1
    assert stream in said
    assert "__alias__" not in said
    assert "stream_maps" not in said


def test_a_form_without_what_spellings_differ_in() -> None:
    assert {plain(form) for form in (" A_mount", "AMOUNT", "a-mount\n", "a mount")} == {"amount"}
