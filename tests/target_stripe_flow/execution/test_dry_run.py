"""A dry run reports what a real run would do; it sends no write and writes no file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import WAYS, rows_of
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox

VISA = {"amount": 100, "currency": "usd", "source": "tok_visa"}
PERSON = "Zoe Canary"


def run(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file but the configuration and the lock."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in {".json", ".lock", ".db-shm"}
    }


def rows(folder: Path) -> list[tuple[object, ...]]:
    """The rows of the journal. Its bytes may differ after a crash, which SQLite repairs."""
    with closing(sqlite3.connect(folder / "stripe-flow-journal.db")) as raw:
        return raw.execute("SELECT * FROM attempts").fetchall()


def writes(sandbox: Sandbox) -> int:
    return [each["method"] for each in sandbox.requests()].count("POST")


def test_a_dry_run_sends_nothing_writes_nothing_and_prints_no_state(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [
        a_schema("customers"),
        a_record("customers", id=PERSON, name=PERSON, email="zoe.canary@example.com"),
        a_record("customers", id=2, name=17),
        a_schema("charges"),
        a_record("charges", id=1, customer=PERSON, amount=100, currency="usd"),
        a_record("charges", id=2, **VISA | {"amount": "100"}),
        a_state(done=4),
    ]

    done = run(sandbox, tmp_path, *lines, dry_run=True)

    assert (done.code, done.output) == (0, "")
    assert done.summary.startswith("4 records: 2 created, 2 rejected")
    assert "line 3 would be rejected: customers.name: must be text" in done.log
    assert "canary" not in done.log.lower()
    assert writes(sandbox) == 0
    assert contents(tmp_path) == {}


def test_a_dry_run_reads_the_journal_and_does_not_change_it(sandbox: Sandbox, tmp_path: Path) -> None:
    records = [a_record("charges", id=number, **VISA) for number in range(3)]
    run(sandbox, tmp_path, a_schema("charges"), records[0], records[1])
    before, sent = contents(tmp_path), writes(sandbox)
    changed = a_record("charges", id=1, **VISA | {"amount": 200})

    done = run(sandbox, tmp_path, a_schema("charges"), records[0], changed, records[2], dry_run=True)

    assert done.summary.startswith("3 records: 1 created, 1 unchanged, 1 rejected")
    assert (contents(tmp_path), writes(sandbox)) == (before, sent)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, 0),
        ({"on_reject": "fail"}, 2),
        ({"max_rejects": 0}, 2),
        ({"api_key": "sk_test_wrong"}, 4),
        ({"journal_url": "sqlite:///nowhere/journal.db"}, 1),
        ({"journal_url": "sqlite:///folder"}, 1),
        ({"rejects_path": "folder"}, 1),
        ({"rejects_path": "nowhere/rejects.jsonl"}, 1),
    ],
)
def test_a_dry_run_ends_as_the_real_run_would(
    settings: dict[str, object], code: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    lines = [a_schema("products"), a_record("products", id=1), a_record("products", id=2, name="Shirt")]
    (tmp_path / "folder").mkdir()

    dry = run(sandbox, tmp_path, *lines, **settings, dry_run=True)
    real = run(sandbox, tmp_path, *lines, **settings)

    assert (dry.code, real.code) == (code, code)


@pytest.mark.parametrize("way", WAYS)
def test_a_dry_run_reports_an_open_attempt_and_leaves_it_open(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, settings = WAYS[way]
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 1), most_passages=1, settings=settings)
    assert ordeal.die("executed but the answer lost").was_killed
    before, sent = rows(tmp_path), writes(sandbox)

    done = run(sandbox, tmp_path, a_schema(action), dry_run=True)

    assert (done.code, len(before)) == (3, 1)
    assert (rows(tmp_path), writes(sandbox)) == (before, sent)


def test_a_dry_run_reports_updates_and_sends_none(sandbox: Sandbox, tmp_path: Path) -> None:
    schema, names = a_schema("customers"), ("A", "B", "B", "C")
    run(sandbox, tmp_path, schema, a_record("customers", id=1, name="A"))
    sent = writes(sandbox)

    records = [a_record("customers", id=1, name=name) for name in names]
    done = run(sandbox, tmp_path, schema, *records, dry_run=True, on_change="update", concurrency=1)

    assert done.summary == "4 records: 2 updated, 2 unchanged"
    assert writes(sandbox) == sent


def test_a_dry_run_treats_an_empty_file_as_no_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "stripe-flow-journal.db").touch()

    done = run(sandbox, tmp_path, a_schema("charges"), a_record("charges", id=1, **VISA), dry_run=True)

    assert (done.code, done.summary) == (0, "1 records: 1 created")
    assert contents(tmp_path) == {"stripe-flow-journal.db": b""}
