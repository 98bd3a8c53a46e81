"""Valid records that are never sent: read from Stripe, with misspelled names, or without a required amount."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES

from target_stripe_flow.actions.guards import Candidate
from target_stripe_flow.actions.stripe_objects import RETIRED_OBJECTS, STRIPE_OBJECTS
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.outcome import Rejected
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.actions.near import PARAMETERS, at, mapped, proposed, spelled
from tests.target_stripe_flow.generated import valid

Json = dict[str, Any]  # Any: JSON

MONEY = [name for name, spec in ACTIONS.items() if spec.moves_money]
FLAGS = [(action, name, flag) for action, spec in ACTIONS.items() for name, flag in spec.omission_flags.items()]
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


def first_of(action: str) -> str:
    """A parameter of the action that is not the amount."""
    return next(name for other, (name, *_) in PARAMETERS if other == action and name != "amount")


@pytest.mark.promise("target 8", "A parameter in another spelling is rejected by name, at any depth")
@pytest.mark.parametrize(
    ("action", "path"), PARAMETERS, ids=lambda each: each if isinstance(each, str) else ".".join(each)
)
def test_a_misspelled_parameter_is_rejected_by_its_name(action: str, path: tuple[str, ...]) -> None:
    for form in spelled(path[-1]):
        for value in ("x", None, ""):
            rejected = objection(action, at((*path[:-1], form), value))

            assert rejected is not None, form
            assert rejected.field == ".".join(path)
            assert json.dumps(".".join((*path[:-1], form))) in str(rejected)


@pytest.mark.parametrize("action", ACTIONS)
def test_names_inside_metadata_are_free(action: str) -> None:
    rejected = objection(action, {"metadata": {first_of(action).upper(): "x", "Object": "charge"}, "amount": 1})

    assert rejected is None


@pytest.mark.parametrize("action", ACTIONS)
def test_a_key_column_may_have_any_name(action: str) -> None:
    name = first_of(action).upper()

    assert objection(action, {name: 7, "amount": 1, "metadata": {"a": "b"}}, name) is None


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
def test_a_valid_record_with_extra_columns_passes(action: str, data: st.DataObject) -> None:
    """Where the exact name has a value, another spelling of it is only dropped."""
    record = data.draw(valid(action)) | {"shop": 1, "object": "bicycle", "metadata": {"a": "b"}}
    extra = {name.upper(): "x" for name, value in record.items() if value not in (None, "")}

    assert objection(action, extra | record | {"deleted": False}) is None


@pytest.mark.parametrize(("action", "name", "flag"), FLAGS)
@pytest.mark.parametrize("absent", [{}, {"name": None}, {"flag": None}, {"flag": False}, {"name": None, "flag": False}])
def test_a_missing_parameter_is_not_taken_for_all(action: str, name: str, flag: str, absent: Json) -> None:
    record = {"charge": "c1"} | {{"name": name, "flag": flag}[each]: value for each, value in absent.items()}

    rejected = objection(action, record)

    assert rejected is not None
    assert rejected.field == name
    assert f"{flag}: true" in str(rejected)


@pytest.mark.parametrize(("action", "name", "flag"), FLAGS)
def test_the_flag_or_the_parameter_is_enough(action: str, name: str, flag: str) -> None:
    assert objection(action, {flag: True}) is None
    assert objection(action, {name: 5}) is None
    assert objection(action, {name: 5, flag: False}) is None


@pytest.mark.parametrize(("action", "name", "flag"), FLAGS)
@pytest.mark.parametrize("value", ["true", 1, 0, [], {}])
def test_the_flag_must_be_a_boolean(action: str, name: str, flag: str, value: object) -> None:
    rejected = objection(action, {name: 5, flag: value})

    assert rejected is not None
    assert rejected.field == flag


@pytest.mark.parametrize(("action", "name", "flag"), FLAGS)
def test_the_flag_and_the_parameter_together_are_rejected(action: str, name: str, flag: str) -> None:
    rejected = objection(action, {name: 5, flag: True})

    assert rejected is not None
    assert rejected.field == flag


@pytest.mark.parametrize(("action", "name", "flag"), FLAGS)
def test_the_flag_is_never_sent_and_changes_no_fingerprint(action: str, name: str, flag: str) -> None:
    checker = RecordChecker(ACTIONS[action])

    assert checker.pick({flag: True, name: None, "charge": "ch_1"}) == {"charge": "ch_1"}
    assert flag not in checker.dropped


@pytest.mark.parametrize(("action", "path"), PARAMETERS, ids=lambda e: e if isinstance(e, str) else ".".join(e))
@pytest.mark.parametrize("value", [{}, {"x": None}, {"stripe_flow": 7}, {"x": 1}])
def test_an_object_in_place_of_another_type_is_rejected(action: str, path: tuple[str, ...], value: Json) -> None:
    """An empty object would be left out: `amount: {}` would refund all that is left."""
    schema: Any = ACTIONS[action].schema()
    for name in path:
        schema = schema["items"] if name == "0" else schema["properties"][name]
    is_object = schema["type"] == "object"  # an empty one is left out, and others are checked

    rejected = objection(action, at(path, value) | ({"amount": 5} if path[0] != "amount" else {}))

    assert (rejected is None) == is_object
    assert rejected is None or rejected.field == ".".join(path)


DELETED = [True, 1, "true", "TRUE", " True ", "t", "1", "yes", "Y", "2026-01-31"]
NOT_DELETED: list[object] = [None, False, 0, 0.0, "", " ", "false", "False", "f", "0", "no", "N", "off", "null", [], {}]


@pytest.mark.promise("target 8", "A record that says that it was deleted is never sent")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("member", ["deleted", *spelled("deleted")])
def test_a_record_that_says_that_it_was_deleted_is_never_sent(action: str, member: str) -> None:
    """Sent as a new record it would create an object, or an empty one."""
    for value in DELETED:
        for more in ({}, {"object": "thing"}, {"deleted": False} if member != "deleted" else {}):
            rejected = objection(action, {"amount": 5, "metadata": {"a": "b"}} | more | {member: value})

            assert rejected is not None, value
            assert rejected.field == "deleted"
    for value in NOT_DELETED:
        assert objection(action, {"amount": 5, "metadata": {"a": "b"}, member: value}) is None, value


@pytest.mark.parametrize("action", ACTIONS)
def test_a_key_column_or_metadata_may_say_deleted(action: str) -> None:
    assert objection(action, {"Deleted": 1, "amount": 5, "metadata": {"deleted": True}}, "Deleted") is None


FINDERS = [(action, spec.find_by) for action, spec in ACTIONS.items() if spec.find_by]


@pytest.mark.promise("target 8", "A record with an empty `stripe_id` creates no object")
@pytest.mark.parametrize(("action", "name"), FINDERS)
@pytest.mark.parametrize("empty", [None, "", " ", "\t\n"])
def test_a_record_that_should_name_an_object_and_does_not_creates_none(action: str, name: str, empty: object) -> None:
    rejected = objection(action, {name: empty, "name": "Ann"})

    assert rejected is not None
    assert rejected.field == name
    assert mapped(proposed(str(rejected)), action, {}, {name: empty, "name": "Ann"})[0] == {"id": 1, "name": "Ann"}


@pytest.mark.parametrize(("action", "name"), FINDERS)
def test_a_misspelled_name_of_an_object_to_find_creates_none(action: str, name: str) -> None:
    for form in spelled(name):
        for value in ("cus_1", None, ""):
            rejected = objection(action, {form: value, "name": "Ann"})

            assert rejected is not None
            assert rejected.field == name
        assert objection(action, {form: None, name: "cus_1"}) is None


@pytest.mark.promise("target 8", "A record without any parameter creates nothing")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("record", [{}, {"id": 1}, {"shop": 1, "object": "x"}, {"id": 1, "xyzzy": {"name": "Ann"}}])
def test_a_record_without_any_parameter_creates_nothing(action: str, record: Json) -> None:
    rejected = objection(action, record, "id")

    assert rejected is not None
    assert f"none of its members is a parameter of {action}" in str(rejected)


@pytest.mark.parametrize(
    ("action", "member", "meant"),
    [("customers", "emial", "email"), ("charges", "ammount", "amount"), ("refunds", "chrage", "charge")],
)
def test_a_record_without_any_parameter_names_the_ones_that_were_meant(action: str, member: str, meant: str) -> None:
    record = {"ID": 1, member: "x", "ann@example.com": 1}

    message = str(objection(action, record, "ID"))

    assert f'Did you mean {meant} for "{member}"?' in message
    assert "ann@" not in message
    assert mapped(proposed(message), action, {}, record)[0][meant] == "x"


@pytest.mark.parametrize("empty", [None, "", {}, {"city": None}])
def test_an_exact_name_without_a_value_does_not_excuse_a_misspelled_one(empty: object) -> None:
    rejected = objection("customers", {"address": empty, "Address": {"city": "Rome"}})

    assert rejected is not None
    assert rejected.field == "address"


def test_a_key_column_that_is_a_parameter_counts_as_its_value() -> None:
    assert objection("customers", {"email": "a@example.com", "EMAIL": "a@example.com"}, "email") is None


def test_a_misspelled_flag_is_rejected() -> None:
    rejected = objection("refunds", {"amount": 700, "full": False, "FULL": True})

    assert rejected is not None
    assert rejected.field == "full"


def test_one_message_names_all_misspelled_members_and_one_stream_map() -> None:
    record = {"ID": 1, "EMAIL": "a@example.com", "NAME": "A", "address": {"City": "Rome"}}

    message = str(objection("customers", record, "ID"))

    proposed = json.loads(message[message.index("set stream_maps to ") + len("set stream_maps to ") :])
    assert set(proposed["customers"]) == {"email", "EMAIL", "name", "NAME", "address"}
    assert "address.City" in message


@pytest.mark.parametrize(
    ("maps", "entry"),
    [
        ({"refunds": {"x": "y"}}, "refunds"),
        ({"rows": {"__alias__": "refunds"}, "refunds": {"__source__": "other"}}, None),
        ({"refunds": {"y": "x"}, "__else__": None}, "refunds"),
        ({"charges": {"__source__": "rows"}}, None),
    ],
)
def test_an_existing_entry_of_stream_maps_is_extended(maps: Json, entry: str | None) -> None:
    message = str(objection("refunds", {"AMOUNT": 1}, maps=maps))

    assert (f'to the entry "{entry}" of the setting stream_maps' in message) == (entry is not None)


def test_no_stream_map_is_proposed_for_a_name_that_a_stream_map_has_made() -> None:
    message = str(objection("refunds", {"AMOUNT": 1}, received={"amt": 1}))

    assert "use the name of the parameter" in message
    assert "record.get" not in message


def test_no_stream_map_turns_a_stripe_object_into_an_order() -> None:
    for name in MONEY:
        assert objection(name, {"amount": 5}, received={"object": "payment_intent", "amount": 5}) is not None


@pytest.mark.promise("target 8", "A record that was read from Stripe moves no money")
@pytest.mark.parametrize("action", MONEY)
@pytest.mark.parametrize("member", ["object", "OBJECT", "Object", "_object", " object"])
def test_a_record_that_was_read_from_stripe_moves_no_money(action: str, member: str) -> None:
    for name in STRIPE_OBJECTS | RETIRED_OBJECTS:
        for form in (name, name.replace(".", "_"), name.title()):
            rejected = objection(action, {member: form, "amount": 5})

            assert rejected is not None, form
            assert rejected.field == "object"


@pytest.mark.parametrize("action", MONEY)
@pytest.mark.parametrize("value", ["bicycle", "", None, 7, 1.5, True])
def test_a_column_of_the_user_may_be_called_object(action: str, value: object) -> None:
    assert objection(action, {"object": value, "amount": 5}) is None


def test_all_object_types_of_the_official_client_are_known() -> None:
    assert set(OBJECT_CLASSES) | set(V2_OBJECT_CLASSES) <= STRIPE_OBJECTS


def send(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def charged(sandbox: Sandbox, folder: Path) -> None:
    assert send(sandbox, folder, a_schema("charges"), a_record("charges", id="c1", **CHARGE)).code == 0


@pytest.mark.promise("target 8", "A refund without `amount` and `full` pays nothing back")
@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
@pytest.mark.parametrize("record", [{"AMOUNT": 700}, {"Amount": 700}, {"amount": None}, {}, {"full": "yes"}])
def test_a_refund_without_an_amount_refunds_nothing(
    record: Json, settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    charged(sandbox, tmp_path)

    done = send(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", id="r", charge="c1", **record), **settings)

    assert sandbox.objects("refund") == []
    assert done.summary.startswith("1 records: 1 rejected")


@pytest.mark.parametrize("is_typed", [False, True], ids=["a SCHEMA without columns", "a SCHEMA with columns"])
def test_the_stream_map_that_a_message_proposes_works(*, is_typed: bool, sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    for name in ("AMOUNT", "a mount"):
        columns: dict[str, object] = {each: {} for each in ("id", "charge", name)} if is_typed else {}
        schema = a_schema("refunds") | {"schema": {"properties": columns}}
        record = a_record("refunds", id=name, charge="c1", **{name: 700})
        done = send(sandbox, tmp_path, schema, record)
        [message] = done.errors if is_typed else [reasons(tmp_path)[-1]]
        proposed = re.search(r"set stream_maps to (\{.*\})", message)
        assert done.code == 1 if is_typed else done.summary.startswith("1 records: 1 rejected")
        assert proposed is not None

        mapped = send(sandbox, tmp_path, schema, record, stream_maps=json.loads(proposed[1]))

        assert mapped.summary == "1 records: 1 created"
    assert [each["amount"] for each in sandbox.objects("refund")] == [700, 700]


def reasons(folder: Path) -> list[str]:
    """The reasons in the rejects file."""
    lines = map(json.loads, (folder / "stripe-flow-rejects.jsonl").read_text().splitlines())
    return [each["stripe_flow"]["reason"] for each in lines if each["type"] == "RECORD"]


def test_a_refund_made_before_the_flag_was_required_stays_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    first = send(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", id="r", charge="c1", full=True))

    # Without the flag, as an earlier release took it.
    bare = [a_record("refunds", id="r", charge="c1", **more) for more in ({}, {"full": True}, {"AMOUNT": None}, {})]
    again = send(sandbox, tmp_path, a_schema("refunds"), *bare)

    assert first.summary == "1 records: 1 created"
    assert again.summary == "4 records: 4 unchanged"
    assert [each["amount"] for each in sandbox.objects("refund")] == [5000]


@pytest.mark.parametrize("is_in_doubt", [False, True], ids=["it comes later", "it is in doubt"])
def test_a_record_without_the_flag_is_unchanged_although_its_refund_waits_for_its_charge(
    *, is_in_doubt: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    refunds = [a_record("refunds", id="r", charge="c1", **more) for more in ({"full": True}, {}, {"AMOUNT": 5})]
    charges = [a_schema("charges"), a_record("charges", id="c1", **CHARGE)]
    if is_in_doubt:
        answer = {"kind": "answer", "status": 500, "stored": "fault"}
        sandbox.faults(
            {"match": {"method": "POST", "path": "/v1/charges"}, "at": "after_execute", "times": 1, "action": answer}
        )
        lines = [*charges, a_schema("refunds"), *refunds]
        first = send(sandbox, tmp_path, *lines)
        assert (first.code, first.summary) == (3, "4 records: 1 unknown, 3 deferred")
        sandbox.advance(11 * 60)
    else:
        lines = [a_schema("refunds"), *refunds, *charges]

    done = send(sandbox, tmp_path, *lines)

    made = "1 created, 3 unchanged" if is_in_doubt else "2 created, 2 unchanged"
    assert (done.code, done.summary) == (0, f"4 records: {made}")
    assert [each["amount"] for each in sandbox.objects("refund")] == [5000]


def test_a_record_without_the_flag_is_unchanged_while_its_refund_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    both = [a_record("refunds", id="r", charge="c1", **more) for more in ({"full": True}, {})]

    done = send(sandbox, tmp_path, a_schema("refunds"), *both)

    assert done.summary == "2 records: 1 created, 1 unchanged"


@pytest.mark.parametrize("name", ["payment_intent", "payout", "balance_transaction"])
@pytest.mark.parametrize("member", ["object", "OBJECT"])
def test_stripe_objects_in_a_stream_mapped_to_charges_are_not_charged(
    name: str, member: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    record = a_record("rows", id="x_1", **{member: name}, **CHARGE)

    done = send(sandbox, tmp_path, a_schema("rows"), record, stream_maps={"rows": {"__alias__": "charges"}})

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
def test_a_malformed_reference_in_a_rejected_record_stops_no_other_record(
    action: str, odd: Json, settings: Json, sandbox: Sandbox, tmp_path: Path
) -> None:
    good = a_record("charges", id="good", **CHARGE)

    done = send(
        sandbox, tmp_path, a_schema(action), a_record(action, id="odd", **odd), a_schema("charges"), good, **settings
    )

    assert done.code == 0
    assert done.summary.startswith("2 records: 1 created, 1 rejected")


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}], ids=["run", "dry run"])
def test_a_changed_and_misspelled_record_is_rejected_for_its_spelling(
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


def test_a_misspelled_record_is_unchanged_and_not_adopted_by_a_rebuilt_row(sandbox: Sandbox, tmp_path: Path) -> None:
    charged(sandbox, tmp_path)
    correct, misspelled = (
        a_record("refunds", id="z", charge="c1", **amount) for amount in ({"amount": 7}, {"AMOUNT": 7})
    )
    send(sandbox, tmp_path, a_schema("refunds"), correct)
    (tmp_path / "stripe-flow-journal.db").unlink()
    (tmp_path / "journal.json").write_text(json.dumps(a_config(sandbox.url)))
    for command in ("init", "rebuild"):
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", command, "--config", "journal.json"]
        assert run(line, tmp_path).code == 0

    known = [send(sandbox, tmp_path, a_schema("refunds"), each).summary for each in (misspelled, correct)]

    assert known == ["1 records: 1 unchanged", "1 records: 1 unchanged"]
    assert len(sandbox.objects("refund")) == 1
