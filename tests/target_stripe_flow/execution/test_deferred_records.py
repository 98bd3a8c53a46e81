"""Records that wait for a record in doubt are deferred, and records of one key keep their order. Real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.unsent import MOST_REMEMBERED, Unsent
from tests.kills.target.rows import TYPES, fields_of
from tests.support.plugins import Ended, Message, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import config, query

MINUTES_S = 60
IN_DOUBT = {"kind": "answer", "status": 500, "stored": "fault"}
# Every parameter that may hold the key of another record: its action, its name, the action that it refers to.
REFERENCES = [(spec.name, field, other) for spec in ACTIONS.values() for field, other in spec.references.items()]
EVERY_REFERENCE = pytest.mark.parametrize("reference", REFERENCES, ids="-".join)
# Stripe refuses a refund by customer alone.
ACCEPTED = [each for each in REFERENCES if each[:2] != ("refunds", "customer")]
EVERY_ACCEPTED_REFERENCE = pytest.mark.parametrize("reference", ACCEPTED, ids="-".join)


def run(sandbox: Sandbox, folder: Path, url: str, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, config(sandbox, url, **settings) | {"timeout_s": 5}, lines)


def rows(action: str, *records: dict[str, Any]) -> list[Message]:
    return [a_schema(action), *(a_record(action, **record) for record in records)]


def referred(sandbox: Sandbox, action: str, key: str) -> dict[str, Any]:
    """A record that others may refer to; a customer can be charged."""
    fields = fields_of(sandbox, action)
    return {"id": key, **fields} | ({"source": "tok_visa"} if action == "customers" else {})


def referring(sandbox: Sandbox, action: str, field: str, key: str, **more: Any) -> dict[str, Any]:
    """A record whose `field` names another record."""
    kept = {name: value for name, value in fields_of(sandbox, action).items() if name != "product_data"}
    if field == "customer" and action == "charges":
        kept.pop("source")
    return {"id": 1, **kept, field: key, **more}


def doubt(sandbox: Sandbox, action: str, at: str = "after_execute", **more: object) -> None:
    """The next creation of this action is answered with a 500, and only a scan shows whether it was executed."""
    path = ACTIONS[action].path
    sandbox.faults({"match": {"method": "POST", "path": path}, "at": at, "times": 1, "action": IN_DOUBT, **more})


@pytest.mark.promise(
    "target 3",
    "A record whose reference is in doubt is deferred, no STATE passes it, and the next run makes it",
)
@EVERY_REFERENCE
def test_a_record_whose_reference_is_in_doubt_is_deferred_and_the_next_run_makes_it(
    reference: tuple[str, str, str], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    action, field, other = reference
    target = referred(sandbox, other, "k1")
    record = referring(sandbox, action, field, "k1")
    before = len(sandbox.objects(TYPES[action]))
    doubt(sandbox, other)
    lines = [*rows(other, target), a_state(others=1), *rows(action, record), a_state(all=2)]

    first = run(sandbox, tmp_path, journal_url, *lines)
    at_once = run(sandbox, tmp_path, journal_url, *lines)
    sandbox.advance(11 * MINUTES_S)
    later = run(sandbox, tmp_path, journal_url, *lines)
    again = run(sandbox, tmp_path, journal_url, *lines)

    for early in (first, at_once):
        assert (early.code, early.summary) == (3, "2 records: 1 unknown, 1 deferred")
        assert early.messages == [{"others": 1}], "no STATE passes a deferred record"
    assert not (tmp_path / "stripe-flow-rejects.jsonl").exists()
    is_created = (action, field) != ("refunds", "customer")  # a refund by customer alone is one that Stripe refuses
    if is_created:
        assert (later.code, later.summary) == (0, "2 records: 1 created, 1 unchanged")
        assert later.messages[-1] == {"all": 2}
        assert again.summary == "2 records: 2 unchanged"
        assert len(sandbox.objects(TYPES[action])) == before + 1 + (action == other)


@EVERY_REFERENCE
def test_behind_what_a_person_must_decide_a_record_is_rejected(
    reference: tuple[str, str, str], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    action, field, other = reference
    target, record = referred(sandbox, other, "k1"), referring(sandbox, action, field, "k1")
    doubt(sandbox, other)
    run(sandbox, tmp_path, journal_url, *rows(other, target))
    sandbox.faults()
    for state in ("parked", "conflict"):
        query(
            journal_url, f"UPDATE attempts SET state = '{state}', last_sent_unix = 1, first_sent_unix = 0 RETURNING 1"
        )

        done = run(sandbox, tmp_path, journal_url, *rows(action, record), a_state(n=1))

        # Nothing but rejects comes before what an earlier run left open; that is said all the same.
        assert (done.code, done.summary.partition(" (")[0]) == (2, "1 records: 1 rejected")
        assert f"not settled yet: 1 {state}" in done.log
        assert "shows them; a person decides about them" in done.log
        assert done.messages == [{"n": 1}]


def test_a_chain_of_references_is_deferred_as_a_whole(sandbox: Sandbox, tmp_path: Path, journal_url: str) -> None:
    customer = {"id": "c", "source": "tok_visa"}
    charge = {"id": "o", "amount": 900, "currency": "usd", "customer": "c"}
    refund = {"id": "r", "charge": "o", "amount": 100}
    lines = [*rows("refunds", refund), *rows("customers", customer), *rows("charges", charge), a_state(n=1)]
    doubt(sandbox, "customers")

    first = run(sandbox, tmp_path, journal_url, *lines)
    sandbox.advance(11 * MINUTES_S)
    later = run(sandbox, tmp_path, journal_url, *lines)

    assert (first.code, first.summary, first.output) == (3, "3 records: 1 unknown, 2 deferred", "")
    assert (later.code, later.summary) == (0, "3 records: 2 created, 1 unchanged")
    assert [each["amount"] for each in sandbox.objects("refund")] == [100]


def test_no_later_record_of_its_key_overtakes_a_deferred_one(
    sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    waits = {"id": 1, "amount": 100, "currency": "usd", "customer": "c"}
    hasty = {"id": 1, "amount": 7700, "currency": "usd", "source": "tok_visa"}
    lines = [*rows("customers", {"id": "c", "source": "tok_visa"}), *rows("charges", waits, hasty), a_state(n=1)]
    doubt(sandbox, "customers")

    first = run(sandbox, tmp_path, journal_url, *lines)
    sandbox.advance(11 * MINUTES_S)
    later = run(sandbox, tmp_path, journal_url, *lines)

    assert (first.code, first.summary) == (3, "3 records: 1 unknown, 2 deferred")
    assert later.summary.partition(" (")[0] == "3 records: 1 created, 1 unchanged, 1 rejected"
    assert [each["amount"] for each in sandbox.objects("charge")] == [100]


@pytest.mark.promise("target 12", "Records of one key keep their order, waiting ones too")
@EVERY_ACCEPTED_REFERENCE
def test_records_of_one_key_keep_their_order_while_the_first_one_waits(
    reference: tuple[str, str, str], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    """The first one names a record that comes later in the input."""
    action, field, other = reference
    target = referred(sandbox, other, "k1")
    waits = referring(sandbox, action, field, "k1", metadata={"turn": "first"})
    ready = {"id": 1, **fields_of(sandbox, action), "metadata": {"turn": "second"}}
    # The three records that follow each other, with another key in between.
    free = {**ready, "id": 2, "metadata": {"turn": "other"}}

    done = run(sandbox, tmp_path, journal_url, *rows(action, waits, free, ready), *rows(other, target), a_state(n=1))

    turns = sorted(each["metadata"]["turn"] for each in sandbox.objects(TYPES[action]) if "turn" in each["metadata"])
    assert turns == ["first", "other"]
    assert done.summary.partition(" (")[0] == "4 records: 3 created, 1 rejected"
    [rejected] = [json.loads(line) for line in (tmp_path / "stripe-flow-rejects.jsonl").read_text().splitlines()][1:]
    assert rejected["record"]["metadata"]["turn"] == "second"
    assert done.messages == [{"n": 1}]


def test_many_records_behind_a_deferred_one_are_made_and_no_state_is_printed(
    sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    waits = {"id": "w", "amount": 100, "currency": "usd", "customer": "c"}
    free = [{"id": n, "amount": 100 + n, "currency": "usd", "source": "tok_visa"} for n in range(300)]
    states = [line for row in free for line in (a_record("charges", **row), a_state(rows=row["id"]))]
    doubt(sandbox, "customers")
    lines = [*rows("customers", {"id": "c", "source": "tok_visa"}), a_state(start=1), *rows("charges", waits), *states]

    done = run(sandbox, tmp_path, journal_url, *lines)

    assert (done.code, done.summary) == (3, "302 records: 300 created, 1 unknown, 1 deferred")
    assert done.messages == [{"start": 1}]


def test_a_full_memory_defers_every_further_record() -> None:
    unsent = Unsent()
    for number in range(MOST_REMEMBERED + 1):
        assert f"{number}" not in unsent or number == MOST_REMEMBERED
        unsent.add(f"{number}")

    assert "another" in unsent
