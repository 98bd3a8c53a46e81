"""A changed record: its reject names the fields that differ and what helps, and no value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kills.target.rows import WAYS, fields_of
from tests.support.plugins import Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import query

ADVICE = {
    True: "set on_change to update to change the object, or to ignore to leave it as it is. If it is a new record",
    False: "nothing is changed at Stripe. Send the first values again. If it is a new record, give it a new key",
}
CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("customers", {"name": "Canary"}, "name"),
    ("customers", {"name": "Canary", "email": "canary@example.com"}, "email, name"),
    ("customers", {"metadata": {"k": "canary"}}, "metadata"),
    ("customers", {"source": None}, "source"),
    ("products", {"description": "canary"}, "description"),
    ("prices", {"unit_amount": 77}, "unit_amount"),
    ("prices", {"nickname": "canary", "currency": "eur"}, "currency, nickname"),
    ("charges", {"amount": 777}, "amount"),
    ("charges", {"description": "canary", "amount": 777}, "amount, description"),
    ("payment_intents", {"receipt_email": "canary@example.com"}, "receipt_email"),
    ("refunds", {"amount": 7}, "amount"),
    ("refunds", {"reason": "fraudulent", "metadata": {"k": "canary"}}, "metadata, reason"),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def reasons(folder: Path) -> list[str]:
    lines = map(json.loads, (folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8").splitlines())
    return [each["stripe_flow"]["reason"] for each in lines if each["type"] == "RECORD"]


def sending(sandbox: Sandbox, folder: Path, action: str, record: Message, **settings: object) -> str:
    lines = [a_schema(action), a_record(action, id="o-1", **record)]
    return run_target(folder, a_config(sandbox.url, source_name=folder.name, **settings), lines).summary


@pytest.mark.promise("target 9", "The reject of a changed record names the fields that differ, and no value")
@pytest.mark.parametrize(("way", "change", "fields"), CHANGES)
def test_the_reject_names_the_fields_and_no_value(
    way: str, change: Message, fields: str, shared: Sandbox, tmp_path: Path
) -> None:
    action, settings = WAYS[way]
    record = fields_of(shared, action)
    if action == "customers":
        record |= {"source": "tok_visa"}
    sending(shared, tmp_path, action, record, **settings)

    changed = sending(shared, tmp_path, action, record | change, **settings)

    [reason] = reasons(tmp_path)
    assert changed.startswith("1 records: 1 rejected")
    assert reason.startswith(f"it differs in {fields} from what was sent under the same key before (")
    assert ADVICE[action in {"customers", "products"}] in reason
    assert "canary" not in reason.lower()


def test_another_stripe_id_is_named(shared: Sandbox, tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        sending(shared, folder, "customers", {"name": "Ann"})
    first, second = (each["id"] for each in shared.objects("customer")[-2:])
    sending(shared, tmp_path, "customers", {"stripe_id": first})

    sending(shared, tmp_path, "customers", {"stripe_id": second})

    assert reasons(tmp_path)[0].startswith("it differs in stripe_id from what was sent")


@pytest.mark.parametrize(
    ("action", "first", "changed", "name"),
    [
        ("customers", {"name": "Ann"}, {"source": "tok_visa"}, "source"),
        ("customers", {"name": "Ann", "source": "tok_visa"}, {"source": None}, "source"),
        ("customers", {"name": "Ann", "balance": 5, "description": None}, {"balance": 6}, "balance"),
        ("products", {"name": "Ann"}, {"type": "good"}, "type"),
    ],
)
def test_a_change_that_no_update_takes_is_not_counted_as_updated(
    *, action: str, first: Message, changed: Message, name: str, shared: Sandbox, tmp_path: Path
) -> None:
    sending(shared, tmp_path, action, first)
    lines = [a_schema(action), a_record(action, id="o-1", **(first | changed))]
    config = a_config(shared.url, source_name=tmp_path.name, on_change="update")

    foretold = run_target(tmp_path, config | {"dry_run": True}, lines)
    done = run_target(tmp_path, config, lines)
    both = sending(shared, tmp_path, action, first | changed | {"name": "Bob"}, on_change="update")

    for run in (foretold, done):
        assert run.summary.startswith("1 records: 1 unchanged")
        assert (
            f"stream {action}: {name} changed, but no update takes it: the object at Stripe keeps the old value"
            in run.log
        )
    assert both == "1 records: 1 updated"
    assert sending(shared, tmp_path, action, first | changed | {"name": "Bob"}).startswith("1 records: 1 unchanged")


def test_after_an_update_the_fields_are_those_of_the_update(shared: Sandbox, tmp_path: Path) -> None:
    ann, bob = {"name": "Ann", "phone": "1"}, {"name": "Bob", "phone": "1"}
    sending(shared, tmp_path, "customers", ann)
    updated = sending(shared, tmp_path, "customers", bob, on_change="update")

    sending(shared, tmp_path, "customers", bob | {"phone": "2"})
    sending(shared, tmp_path, "customers", ann)

    assert updated == "1 records: 1 updated"
    assert [reason.partition(" from ")[0] for reason in reasons(tmp_path)] == [
        "it differs in phone",
        "it differs in name",
    ]


def test_a_row_of_an_earlier_release_has_no_fields_to_name(shared: Sandbox, tmp_path: Path) -> None:
    sending(shared, tmp_path, "customers", {"name": "Ann"})
    with sqlite3.connect(tmp_path / "stripe-flow-journal.db") as journal:
        journal.execute("UPDATE attempts SET field_marks = NULL")

    sending(shared, tmp_path, "customers", {"name": "Bob"})

    assert reasons(tmp_path)[0].startswith("it differs from what was sent under the same key before (cus_")


def test_the_journal_keeps_twelve_bits_of_each_field(shared: Sandbox, tmp_path: Path) -> None:
    for number, folder in enumerate((tmp_path / "a", tmp_path / "b")):
        folder.mkdir()
        sending(shared, folder, "customers", {"name": "Canary Jones", "email": f"canary{number}@example.com"})

    [[first], [second]] = [
        query(f"sqlite:///{folder}/stripe-flow-journal.db", "SELECT field_marks FROM attempts")[0]
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert (len(first), len(second)) == (6, 6)
    assert (first[0], first[3]) == (second[0], second[3]), "the places of email and name"
    assert first[4:] != second[4:], "the same name under another identity has another mark"
