"""`stripe-flow journal` as an operator uses it: real processes, real runs of the target before and after."""

from __future__ import annotations

import csv
import ctypes
import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, rows_of
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, run, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

CANARY = "sk_test_sandbox"
JOURNAL = "stripe-flow-journal.db"
DECLINED = {"amount": 100, "currency": "usd", "source": "tok_chargeDeclined"}


def journal(folder: Path, *arguments: str, given: str = "") -> Ended:
    """The command to its end, in `folder`; it never shows the key, and never a traceback."""
    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", *arguments], folder, given.encode())
    assert CANARY not in done.output + done.log
    assert "Traceback" not in done.log
    return done


def told(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What it says with `--json`."""
    return [json.loads(line) for line in journal(folder, *arguments, "--json").output.splitlines()]


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(a_config(sandbox.url)))
    return str(path)


def send(sandbox: Sandbox, folder: Path, stream: str, *records: dict[str, Any], **settings: object) -> Ended:
    lines = [a_schema(stream), *(a_record(stream, **record) for record in records)]
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def in_doubt(sandbox: Sandbox, folder: Path, action: str) -> Ordeal:
    """An attempt whose request was carried out and whose process died."""
    ordeal = Ordeal(sandbox, folder, rows_of([action], 1), most_passages=1)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    return ordeal


def test_init_makes_an_empty_journal_for_its_owner_and_says_so(tmp_path: Path) -> None:
    first, second = journal(tmp_path, "init"), journal(tmp_path, "init")

    assert (first.code, second.code) == (0, 0)
    assert first.output == f"made the journal {JOURNAL}\n"
    assert second.output == f"the journal {JOURNAL} is there, with 0 rows\n"
    assert stat.S_IMODE((tmp_path / JOURNAL).stat().st_mode) == 0o600
    assert journal(tmp_path, "list").output == ""


def test_list_has_a_line_for_each_attempt_and_filters(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 7, "name": "Ann"})
    send(sandbox, tmp_path, "charges", {"id": 8} | DECLINED)
    send(sandbox, tmp_path, "customers", {"id": 9, "name": "Bob"}, source_name="crm")

    rows = told(tmp_path, "list", "--every-source")
    listed = journal(tmp_path, "list", "--config", config).output.splitlines()

    assert {(row["action"], row["source_name"], row["source_key"], row["state"]) for row in rows} == {
        ("customers", "default", "7", "created"),
        ("charges", "default", "8", "declined"),
        ("customers", "crm", "9", "created"),
    }
    assert set(rows[0]) == {
        *("action", "source_name", "source_key", "account", "mode"),
        *("attempt", "state", "stripe_id", "request_id", "reason"),
    }
    assert len(listed) == 2, "those of the settings' source_name"
    assert [row["source_key"] for row in told(tmp_path, "list", "--source-name", "crm")] == ["9"]
    assert [row["source_key"] for row in told(tmp_path, "list", "--state", "declined", "--state", "parked")] == ["8"]
    assert [row["source_key"] for row in told(tmp_path, "list", "--action", "customers")] == ["7"]
    assert told(tmp_path, "list", "--account", CONNECTED) == []
    assert told(tmp_path, "list", "--mode", "live") == []


@pytest.mark.parametrize(
    "key", ["ann@example.com", "Ann Lee", "Lee", "4242424242424242", "4915112345678", "555-010-4242"]
)
def test_a_key_that_may_be_a_person_is_a_hash_unless_asked_for(key: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": key, "name": "Ann"})

    quiet = journal(tmp_path, "list").output + journal(tmp_path, "list", "--json").output
    (row,) = told(tmp_path, "list")
    shown = journal(tmp_path, "show", f"customers:{row['source_key']}").output

    assert key not in quiet + shown
    assert told(tmp_path, "list", "--show-keys")[0]["source_key"] == key
    assert journal(tmp_path, "show", f"customers:{key}").code == 0


@pytest.mark.parametrize(
    "key", ["7", "123456789", "c-1001", "c-4915112345678", "0b8e7c1a-7a34-4c0e-9d3f-0f6d2f1f9a11", "2026/10/7"]
)
def test_a_number_or_a_code_is_shown(key: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": key, "name": "Ann"})

    assert f"customers:{key} " in journal(tmp_path, "list").output


def test_list_works_while_a_run_holds_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of(["customers"], 1), most_passages=1)
    ordeal.hold("after_execute")
    with ordeal.started() as process:
        assert ordeal.is_held(process)
        rows = told(tmp_path, "list")
        sandbox.release("hold")
        process.wait(30)

    assert [row["state"] for row in rows] == ["intent"]


def test_show_tells_every_attempt_and_the_body_only_if_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    in_doubt(sandbox, tmp_path, "customers")

    plain, full = (journal(tmp_path, "show", "customers:0", *more).output for more in ([], ["--body"]))

    assert "state            intent" in plain
    assert "body" not in plain
    assert "name=No.+0" in full


def test_retry_orders_one_more_attempt_at_what_was_declined(sandbox: Sandbox, tmp_path: Path) -> None:
    charge = {"id": 8} | DECLINED
    send(sandbox, tmp_path, "charges", charge)
    still = send(sandbox, tmp_path, "charges", charge | {"source": "tok_visa"})

    ordered = journal(tmp_path, "retry", "charges:8")
    posts = len(sandbox.requests())
    again = journal(tmp_path, "retry", "charges:8")
    done = send(sandbox, tmp_path, "charges", charge | {"source": "tok_visa"})

    assert still.summary.startswith("1 records: 1 declined")
    assert (ordered.code, again.code) == (0, 1)
    assert "waits for the next record" in again.log
    assert posts == len([each for each in sandbox.requests() if each["number"] <= posts]), "it sends nothing"
    assert done.summary == "1 records: 1 created"
    assert [charge["metadata"]["stripe_flow"][-2:] for charge in sandbox.objects("charge")] == [":1", ":2"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"id": 1, "amount": 100, "currency": "usd", "source": "tok_visa"}, "would make a second one"),
        ({"id": 1, "amount": 100, "currency": "usd", "source": "tok_unknown"}, "nothing stands in the way"),
    ],
)
def test_retry_is_for_what_was_declined_only(
    record: dict[str, Any], why: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    send(sandbox, tmp_path, "charges", record)

    refused = journal(tmp_path, "retry", "charges:1")

    assert refused.code == 1
    assert why in refused.log


def test_settle_takes_a_persons_word(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = in_doubt(sandbox, tmp_path, "charges")
    (made,) = sandbox.objects("charge")

    half = journal(tmp_path, "settle", "charges:0", "--as", "created")
    done = journal(tmp_path, "settle", "charges:0", "--as", "created", made["id"])
    twice = journal(tmp_path, "settle", "charges:0", "--as", "not-created")
    later = ordeal.live()

    assert (half.code, done.code, twice.code) == (1, 0, 1)
    assert "said by a person" in done.output
    assert later.counts == {"unchanged": 1}
    assert len(sandbox.objects("charge")) == 1


def test_settle_refuses_the_id_of_something_else(sandbox: Sandbox, tmp_path: Path) -> None:
    in_doubt(sandbox, tmp_path, "charges")

    refused = journal(tmp_path, "settle", "charges:0", "--as", "created", "cus_1")

    assert (refused.code, refused.log.count("\n")) == (1, 1)
    assert "'cus_1' is no id that charges have, which begins with ch_ or py_" in refused.log
    assert [row["state"] for row in told(tmp_path, "list")] == ["intent"]


def test_settle_as_not_created_lets_the_next_record_through(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of(["charges"], 1), most_passages=1)
    without_effect = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "times": 1, "action": without_effect})
    assert ordeal.live().counts == {"unknown": 1}

    refused = journal(tmp_path, "retry", "charges:0")
    journal(tmp_path, "settle", "charges:0", "--as", "not-created")
    later = ordeal.live()

    assert "journal reconcile" in refused.log
    assert later.counts == {"created": 1}
    assert sandbox.objects("charge")[0]["metadata"]["stripe_flow"].endswith(":2")


def test_reconcile_settles_what_is_open(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    in_doubt(sandbox, tmp_path, "charges")

    done = journal(tmp_path, "reconcile", "--config", config)

    assert (done.code, done.output) == (0, "")
    assert "nothing left open" in done.log
    assert [row["state"] for row in told(tmp_path, "list")] == ["created"]
    assert len(sandbox.objects("charge")) == 1


def test_reconcile_says_what_is_left_and_ends_with_3(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": failing})
    send(sandbox, tmp_path, "charges", {"id": 1, "amount": 100, "currency": "usd", "source": "tok_visa"})
    sandbox.faults()
    sandbox.advance(25 * 3600)

    done = journal(tmp_path, "reconcile", "--config", config)

    assert done.code == 3
    assert "parked" in done.output


@pytest.mark.parametrize("action", ACTIONS)
def test_after_a_lost_journal_and_its_rebuild_nothing_is_made_twice(
    action: str, sandbox: Sandbox, tmp_path: Path, config: str
) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 12))
    first = ordeal.live()
    (tmp_path / JOURNAL).unlink()
    (tmp_path / "stripe-flow-rejects.jsonl").unlink(missing_ok=True)
    sandbox.advance(30 * 3600)

    rebuilt = journal(tmp_path, "rebuild", "--config", config)
    later = ordeal.live()
    export = told_csv(tmp_path)

    declined = first.counts.get("declined", 0)
    assert f"{action}: 12 at Stripe, 12 with a marker, 12 new in the journal" in rebuilt.output
    assert later.counts == {"unchanged": 12 - declined} | ({"declined": declined} if declined else {})
    assert len(sandbox.objects(TYPES[action])) == 12
    assert {row["source_key"] for row in export} == {str(row.number) for row in ordeal.rows if not row.is_declined}, (
        "what was rebuilt learns its key from the record"
    )


def test_rebuild_leaves_what_is_there_and_takes_a_date(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    before = told(tmp_path, "list")

    whole = journal(tmp_path, "rebuild", "--config", config)
    future = journal(tmp_path, "rebuild", "--config", config, "--since", "2999-01-01")
    wrong = journal(tmp_path, "rebuild", "--config", config, "--since", "yesterday")

    assert "customers: 1 at Stripe, 1 with a marker, 0 new" in whole.output
    assert "customers: 0 at Stripe" in future.output
    assert (wrong.code, told(tmp_path, "list")) == (1, before)


def told_csv(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(journal(folder, "export").output.splitlines()))


def test_export_says_which_key_became_which_object(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": "ann@example.com", "name": "Ann"}, {"id": 2, "name": 'B"o,b'})
    send(sandbox, tmp_path, "charges", {"id": 8} | DECLINED)
    ids = {each["id"] for each in sandbox.objects("customer")}

    rows = told_csv(tmp_path)
    lines = [json.loads(line) for line in journal(tmp_path, "export", "--format", "jsonl").output.splitlines()]
    singer = journal(tmp_path, "export", "--format", "singer").messages

    assert {row["source_key"] for row in rows} == {"ann@example.com", "2"}
    assert {row["stripe_id"] for row in rows} == ids
    assert [{name: value or "" for name, value in line.items()} for line in lines] == rows
    assert [message["type"] for message in singer] == ["SCHEMA", "RECORD", "RECORD"]
    assert [message["record"] for message in singer[1:]] == lines
    assert journal(tmp_path, "export", "--action", "charges", "--format", "jsonl").output == ""


def test_json_is_json_whatever_the_command(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    made, there = told(tmp_path, "init"), told(tmp_path, "init")
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    exported = told(tmp_path, "export")
    rebuilt = told(tmp_path, "rebuild", "--config", config)

    assert made == [{"journal": JOURNAL, "is_new": True, "rows": 0}]
    assert there == [{"journal": JOURNAL, "is_new": False, "rows": 0}]
    assert [row["source_key"] for row in exported] == ["1"]
    assert {"objects": "customers", "at_stripe": 1, "with_marker": 1, "new": 0} in rebuilt


def test_export_is_of_one_source_where_one_is_named(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    send(sandbox, tmp_path, "customers", {"id": 2, "name": "Bob"}, source_name="crm")

    named, by_settings = told(tmp_path, "export", "--source-name", "crm"), told(tmp_path, "export", "--config", config)

    assert [row["source_key"] for row in named] == ["2"]
    assert {row["source_key"] for row in by_settings} == {"1", "2"}


def test_forget_asks_first_and_keeps_what_is_in_doubt(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"})

    no = journal(tmp_path, "forget", "customers:1", given="n\n")
    yes = journal(tmp_path, "forget", "customers:2", "--yes")
    in_doubt(sandbox, tmp_path, "charges")
    kept = journal(tmp_path, "forget", "charges:0", "--yes")

    assert (no.code, yes.code, kept.code) == (1, 0, 1)
    assert "Stripe itself still knows its key for 24 hours" in no.log
    assert "must not be forgotten" in kept.log
    assert {(row["action"], row["source_key"]) for row in told(tmp_path, "list")} == {
        ("customers", "1"),
        ("charges", "0"),
    }


@pytest.mark.parametrize("arguments", [("list",), ("show", "charges:1"), ("retry", "charges:1"), ("export",)])
def test_without_a_journal_it_is_said_and_none_is_made(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = journal(tmp_path, *arguments)

    assert done.code == 1
    assert f"there is no journal {JOURNAL}" in done.log
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["7", "refunds:7", "charges:", "charges:nobody"])
def test_a_key_that_names_nothing_is_said(key: str, tmp_path: Path) -> None:
    journal(tmp_path, "init")

    done = journal(tmp_path, "show", key)

    assert (done.code, done.log.count("\n")) == (1, 1)


@pytest.mark.parametrize("command", ["list", "init"])
def test_a_journal_of_a_newer_release_is_refused(command: str, tmp_path: Path) -> None:
    journal(tmp_path, "init")
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as raw:
        raw.execute("INSERT INTO journal_versions VALUES (?)", (len(MIGRATIONS) + 1,))
        raw.commit()

    done = journal(tmp_path, command)

    assert done.code == 1
    assert "newer release" in done.log


@pytest.mark.parametrize("command", ["reconcile", "rebuild"])
def test_what_asks_stripe_needs_settings_and_says_what_is_wrong_with_them(
    command: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(a_config(sandbox.url) | {"api_key": "sk_test_nobodys"}))

    none = journal(tmp_path, command)
    refused = journal(tmp_path, command, "--config", str(wrong))

    assert (none.code, refused.code) == (1, 4)
    assert "--config" in none.log
    assert "does not accept the key" in refused.log
    assert "sk_test_nobodys" not in refused.log


def test_two_accounts_in_one_journal_are_told_apart(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"}, account_id=CONNECTED)

    both = journal(tmp_path, "show", "customers:1")
    one = told(tmp_path, "show", "customers:1", "--account", PLATFORM)

    assert both.code == 1
    assert "--account" in both.log
    assert [row["account"] for row in one] == [PLATFORM]


@pytest.mark.parametrize("command", [("list",), ("export",), ("show", "charges:1"), ("init",)])
def test_a_damaged_journal_is_one_clear_line(command: tuple[str, ...], tmp_path: Path) -> None:
    journal(tmp_path, "init")
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))

    done = journal(tmp_path, *command)

    assert (done.code, done.log.count("\n")) == (1, 1)
    assert "malformed" in done.log
    assert "Nothing is lost" not in done.log


def test_a_copy_that_cannot_be_written_can_be_looked_at(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / JOURNAL).write_bytes((tmp_path / JOURNAL).read_bytes())
    for path, mode in ((shelf / JOURNAL, 0o400), (shelf, 0o500)):
        path.chmod(mode)

    done = subprocess.run(
        [sys.executable, "-m", "stripe_flow_cli", "journal", "export"],
        cwd=shelf,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=obey_permissions,
    )

    shelf.chmod(0o700)
    assert (done.returncode, done.stderr) == (0, "")
    assert "customers,default,1," in done.stdout
    assert [path.name for path in shelf.iterdir()] == [JOURNAL]


def obey_permissions() -> None:
    """In root's processes, too: take away the right to write whatever there is (CAP_DAC_OVERRIDE)."""
    drop_from_bounding_set, dac_override = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)
