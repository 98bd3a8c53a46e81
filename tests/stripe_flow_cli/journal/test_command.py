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
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stripe_flow_cli.report.outcomes import STATES
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, rows_of
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, run, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

# Each case is a run and a command or more.
pytestmark = pytest.mark.volume(cases=2)

CANARY = "sk_test_sandbox"
JOURNAL = "stripe-flow-journal.db"
DECLINED = {"amount": 100, "currency": "usd", "source": "tok_chargeDeclined"}


def journal(folder: Path, *arguments: str, stdin: str = "") -> Ended:
    """Run the command in `folder`. Asserts that it prints no API key and no traceback."""
    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", *arguments], folder, stdin.encode())
    assert CANARY not in done.output + done.log
    assert "Traceback" not in done.log
    return done


def printed(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The lines that it prints with `--json`."""
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
    """Leave an open attempt: Stripe has executed the request, and the process was killed."""
    ordeal = Ordeal(sandbox, folder, rows_of([action], 1), most_passages=1)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    return ordeal


def test_init_creates_an_empty_journal_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, second = journal(tmp_path, "init", "--beside"), journal(tmp_path, "init")

    assert (first.code, second.code) == (0, 0)
    assert first.output == f"created the journal {JOURNAL}\n"
    assert second.output == f"the journal {JOURNAL} exists, with 0 rows\n"
    assert stat.S_IMODE((tmp_path / JOURNAL).stat().st_mode) == 0o600
    assert journal(tmp_path, "list").output == ""


def test_list_has_a_line_for_each_attempt_and_filters(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 7, "name": "Ann"})
    send(sandbox, tmp_path, "charges", {"id": 8} | DECLINED)
    journal(tmp_path, "source", "add", "crm", "--action", "customers")
    send(sandbox, tmp_path, "customers", {"id": 9, "name": "Bob"}, source_name="crm")

    rows = printed(tmp_path, "list")
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
    assert [" crm " in line for line in listed].count(True) == 1
    assert len(listed) == 3, "every source_name, whatever the settings have"
    assert printed(tmp_path, "list", "--every-source") == rows
    assert [row["source_key"] for row in printed(tmp_path, "list", "--source-name", "crm")] == ["9"]
    assert [row["source_key"] for row in printed(tmp_path, "list", "--state", "declined", "--state", "parked")] == ["8"]
    assert {row["source_key"] for row in printed(tmp_path, "list", "--action", "customers")} == {"7", "9"}
    assert printed(tmp_path, "list", "--account", CONNECTED) == []
    assert printed(tmp_path, "list", "--mode", "live") == []


@pytest.mark.parametrize(
    "key", ["ann@example.com", "Ann Lee", "Lee", "4242424242424242", "4915112345678", "555-010-4242"]
)
def test_a_source_key_that_may_be_personal_data_is_shown_as_a_hash(key: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": key, "name": "Ann"})

    quiet = journal(tmp_path, "list").output + journal(tmp_path, "list", "--json").output
    (row,) = printed(tmp_path, "list")
    shown = journal(tmp_path, "show", f"customers:{row['source_key']}").output

    assert key not in quiet + shown
    assert printed(tmp_path, "list", "--show-keys")[0]["source_key"] == key
    assert journal(tmp_path, "show", f"customers:{key}").code == 0


@pytest.mark.parametrize(
    "key", ["7", "123456789", "c-1001", "c-4915112345678", "0b8e7c1a-7a34-4c0e-9d3f-0f6d2f1f9a11", "2026/10/7"]
)
def test_a_source_key_that_is_a_number_or_a_code_is_shown(key: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": key, "name": "Ann"})

    assert f"customers:{key} " in journal(tmp_path, "list").output


def test_list_works_while_a_run_owns_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of(["customers"], 1), most_passages=1)
    ordeal.hold("after_execute")
    with ordeal.started() as process:
        assert ordeal.is_held(process)
        rows = printed(tmp_path, "list")
        sandbox.release("hold")
        process.wait(30)

    assert [row["state"] for row in rows] == ["intent"]


def test_show_prints_every_attempt_and_the_body_only_with_the_option(sandbox: Sandbox, tmp_path: Path) -> None:
    in_doubt(sandbox, tmp_path, "customers")

    plain, full = (journal(tmp_path, "show", "customers:0", *more).output for more in ([], ["--body"]))

    assert "state            intent" in plain
    assert "body" not in plain
    assert "name=No.+0" in full


def test_summary_journal_and_report_use_the_same_words(sandbox: Sandbox, tmp_path: Path) -> None:
    done = send(sandbox, tmp_path, "charges", {"id": 8} | DECLINED)

    (row,) = printed(tmp_path, "show", "charges:8")
    words = STATES[row["state"]]
    assert (row["http_status"], row["means"]) == (402, words.means)
    assert f"1 {words.status}" in done.summary


def test_retry_orders_one_more_attempt_at_a_declined_charge(sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_the_reason_of_a_retried_attempt_is_why_the_card_was_declined(sandbox: Sandbox, tmp_path: Path) -> None:
    charge = {"id": 8} | DECLINED
    send(sandbox, tmp_path, "charges", charge)
    ordered = journal(tmp_path, "retry", "charges:8")

    send(sandbox, tmp_path, "charges", charge)

    first, second = printed(tmp_path, "show", "charges:8")
    assert "ordered by a person" in ordered.output
    assert "the target sends the next record of this key" in ordered.log
    assert (first["reason"], second["reason"]) == (first["decline_code"],) * 2


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"id": 1, "amount": 100, "currency": "usd", "source": "tok_visa"}, "would create a second object"),
        ({"id": 1, "amount": 100, "currency": "usd", "source": "tok_unknown"}, "so no retry is needed"),
    ],
)
def test_retry_is_refused_unless_the_attempt_was_declined(
    record: dict[str, Any], why: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    send(sandbox, tmp_path, "charges", record)

    refused = journal(tmp_path, "retry", "charges:1")

    assert refused.code == 1
    assert why in refused.log


@pytest.mark.promise("commands", "A person settles an attempt in doubt with a command")
def test_a_person_settles_an_attempt_in_doubt(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = in_doubt(sandbox, tmp_path, "charges")
    (made,) = sandbox.objects("charge")

    half = journal(tmp_path, "settle", "charges:0", "--as", "created")
    done = journal(tmp_path, "settle", "charges:0", "--as", "created", made["id"])
    twice = journal(tmp_path, "settle", "charges:0", "--as", "not-created")
    later = ordeal.live()

    assert (half.code, done.code, twice.code) == (1, 0, 1)
    assert "settled by a person" in done.output
    assert later.counts == {"unchanged": 1}
    assert len(sandbox.objects("charge")) == 1


@pytest.mark.promise("target 10", "A person's decision gets Stripe's time, never this machine's")
@pytest.mark.parametrize("outcome", ["created", "not-created"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_decision_gets_the_time_of_stripe_and_never_of_this_machine(
    action: str, outcome: str, sandbox: Sandbox, tmp_path: Path, config: str
) -> None:
    in_doubt(sandbox, tmp_path, action)
    arguments = ["settle", f"{action}:0", "--as", outcome]
    arguments += [sandbox.objects(TYPES[action])[-1]["id"]] if outcome == "created" else []
    closed = tmp_path / "closed.json"
    closed.write_text(json.dumps(a_config("http://127.0.0.1:9", give_up_after_s=0.3)))
    sandbox.advance(40 * 24 * 3600)
    before = sandbox.clock()

    unreachable = journal(tmp_path, *arguments, "--config", str(closed))
    (still,) = printed(tmp_path, "list")
    done = journal(tmp_path, *arguments, "--config", config)

    (row,) = printed(tmp_path, "show", f"{action}:0")
    assert (unreachable.code, still["state"]) == (4, "intent")
    assert done.code == 0
    assert before <= datetime.fromisoformat(row["settled"]).timestamp() <= sandbox.clock()


def test_without_settings_a_decision_has_no_time_and_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    in_doubt(sandbox, tmp_path, "charges")

    done = journal(tmp_path, "settle", "charges:0", "--as", "not-created")

    (row,) = printed(tmp_path, "show", "charges:0")
    assert (done.code, row["settled"], row["state"]) == (0, "-", "not_created")
    assert done.log == "the decision has no time: with --config it gets Stripe's time\n"


def test_settle_refuses_the_id_of_something_else(sandbox: Sandbox, tmp_path: Path) -> None:
    in_doubt(sandbox, tmp_path, "charges")

    refused = journal(tmp_path, "settle", "charges:0", "--as", "created", "cus_1")

    assert (refused.code, refused.log.count("\n")) == (1, 1)
    assert "'cus_1' is not an id of charges, which begins with ch_ or py_" in refused.log
    assert [row["state"] for row in printed(tmp_path, "list")] == ["intent"]


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


def test_reconcile_completes_open_attempts(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    in_doubt(sandbox, tmp_path, "charges")

    done = journal(tmp_path, "reconcile", "--config", config)

    assert (done.code, done.output) == (0, "")
    assert "nothing left open" in done.log
    assert [row["state"] for row in printed(tmp_path, "list")] == ["created"]
    assert len(sandbox.objects("charge")) == 1


def test_reconcile_prints_attempts_left_open_and_exits_with_3(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": failing})
    send(sandbox, tmp_path, "charges", {"id": 1, "amount": 100, "currency": "usd", "source": "tok_visa"})
    sandbox.faults()
    sandbox.advance(25 * 3600)

    done = journal(tmp_path, "reconcile", "--config", config)

    assert done.code == 3
    assert "parked" in done.output


@pytest.mark.promise("target 10", "After a lost journal and its rebuild nothing is created twice")
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
    export = exported(tmp_path)

    declined = first.counts.get("declined", 0)
    assert f"{action}: 12 at Stripe, 12 with a marker, 12 new in the journal" in rebuilt.output
    assert later.counts == {"unchanged": 12 - declined} | ({"declined": declined} if declined else {})
    assert len(sandbox.objects(TYPES[action])) == 12
    assert {row["source_key"] for row in export} == {str(row.number) for row in ordeal.rows if not row.is_declined}, (
        "a record adds its source key to a rebuilt row"
    )


def test_rebuild_keeps_existing_rows_and_takes_a_date(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    before = printed(tmp_path, "list")

    whole = journal(tmp_path, "rebuild", "--config", config)
    future = journal(tmp_path, "rebuild", "--config", config, "--since", "2999-01-01")
    wrong = journal(tmp_path, "rebuild", "--config", config, "--since", "yesterday")

    assert "customers: 1 at Stripe, 1 with a marker, 0 new" in whole.output
    assert "customers: 0 at Stripe" in future.output
    assert (wrong.code, printed(tmp_path, "list")) == (1, before)


def exported(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(journal(folder, "export").output.splitlines()))


def test_export_prints_the_stripe_id_of_each_source_key(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": "ann@example.com", "name": "Ann"}, {"id": 2, "name": 'B"o,b'})
    send(sandbox, tmp_path, "charges", {"id": 8} | DECLINED)
    ids = {each["id"] for each in sandbox.objects("customer")}

    rows = exported(tmp_path)
    lines = [json.loads(line) for line in journal(tmp_path, "export", "--format", "jsonl").output.splitlines()]
    singer = journal(tmp_path, "export", "--format", "singer").messages

    assert {row["source_key"] for row in rows} == {"ann@example.com", "2"}
    assert {row["stripe_id"] for row in rows} == ids
    assert [{name: value or "" for name, value in line.items()} for line in lines] == rows
    assert [message["type"] for message in singer] == ["SCHEMA", "RECORD", "RECORD"]
    assert [message["record"] for message in singer[1:]] == lines
    assert journal(tmp_path, "export", "--action", "charges", "--format", "jsonl").output == ""


def test_json_output_of_each_command(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    made, there = printed(tmp_path, "init", "--config", config), printed(tmp_path, "init")
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    export = printed(tmp_path, "export")
    rebuilt = printed(tmp_path, "rebuild", "--config", config)

    assert made == [{"journal": JOURNAL, "is_new": True, "rows": 0, "needs_rebuild": []}]
    assert there == [{"journal": JOURNAL, "is_new": False, "rows": 0, "needs_rebuild": []}]
    assert [row["source_key"] for row in export] == ["1"]
    assert {"objects": "customers", "at_stripe": 1, "with_marker": 1, "new": 0, "is_complete": True} in rebuilt


def test_export_covers_one_source_if_an_option_names_it(sandbox: Sandbox, tmp_path: Path, config: str) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    journal(tmp_path, "source", "add", "crm", "--action", "customers")
    send(sandbox, tmp_path, "customers", {"id": 2, "name": "Bob"}, source_name="crm")

    named, by_settings = (
        printed(tmp_path, "export", "--source-name", "crm"),
        printed(tmp_path, "export", "--config", config),
    )

    assert [row["source_key"] for row in named] == ["2"]
    assert {row["source_key"] for row in by_settings} == {"1", "2"}


def test_forget_asks_first_and_refuses_attempts_in_doubt(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"})

    no = journal(tmp_path, "forget", "customers:1", stdin="n\n")
    yes = journal(tmp_path, "forget", "customers:2", "--yes")
    in_doubt(sandbox, tmp_path, "charges")
    kept = journal(tmp_path, "forget", "charges:0", "--yes")

    assert (no.code, yes.code, kept.code) == (1, 0, 1)
    assert "Stripe keeps the idempotency key for 24 hours" in no.log
    assert "must not be forgotten" in kept.log
    assert {(row["action"], row["source_key"]) for row in printed(tmp_path, "list")} == {
        ("customers", "1"),
        ("charges", "0"),
    }


@pytest.mark.parametrize("arguments", [("list",), ("show", "charges:1"), ("retry", "charges:1"), ("export",)])
def test_without_a_journal_a_command_fails_and_creates_none(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = journal(tmp_path, *arguments)

    assert done.code == 1
    assert f"there is no journal {JOURNAL}" in done.log
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["7", "refunds:7", "charges:", "charges:nobody"])
def test_an_unknown_source_key_is_one_clear_line(key: str, tmp_path: Path) -> None:
    journal(tmp_path, "init", "--beside")

    done = journal(tmp_path, "show", key)

    assert (done.code, done.log.count("\n")) == (1, 1)


@pytest.mark.parametrize("command", ["list", "init"])
def test_a_journal_of_a_newer_release_is_refused(command: str, tmp_path: Path) -> None:
    journal(tmp_path, "init", "--beside")
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as raw:
        raw.execute("INSERT INTO journal_versions VALUES (?)", (len(MIGRATIONS) + 1,))
        raw.commit()

    done = journal(tmp_path, command)

    assert done.code == 1
    assert "newer release" in done.log


@pytest.mark.parametrize("command", ["reconcile", "rebuild"])
def test_commands_that_ask_stripe_need_settings(command: str, sandbox: Sandbox, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(a_config(sandbox.url) | {"api_key": "sk_test_nobodys"}))

    none = journal(tmp_path, command)
    refused = journal(tmp_path, command, "--config", str(wrong))

    assert (none.code, refused.code) == (1, 4)
    assert "--config" in none.log
    assert "does not accept the key" in refused.log
    assert "sk_test_nobodys" not in refused.log


def test_a_key_of_two_accounts_needs_the_account_option(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"}, account_id=CONNECTED)

    both = journal(tmp_path, "show", "customers:1")
    one = printed(tmp_path, "show", "customers:1", "--account", PLATFORM)

    assert both.code == 1
    assert "--account" in both.log
    assert [row["account"] for row in one] == [PLATFORM]


@pytest.mark.parametrize("command", [("list",), ("export",), ("show", "charges:1"), ("init",)])
def test_a_damaged_journal_is_one_clear_line(command: tuple[str, ...], tmp_path: Path) -> None:
    journal(tmp_path, "init", "--beside")
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))

    done = journal(tmp_path, *command)

    assert (done.code, done.log.count("\n")) == (1, 1)
    assert "malformed" in done.log
    assert "Nothing is lost" not in done.log


def test_a_read_only_copy_can_be_exported(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / JOURNAL).write_bytes((tmp_path / JOURNAL).read_bytes())
    for path, mode in ((copy / JOURNAL, 0o400), (copy, 0o500)):
        path.chmod(mode)

    done = subprocess.run(
        [sys.executable, "-m", "stripe_flow_cli", "journal", "export"],
        cwd=copy,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=obey_permissions,
    )

    copy.chmod(0o700)
    assert (done.returncode, done.stderr) == (0, "")
    assert "customers,default,1," in done.stdout
    assert [path.name for path in copy.iterdir()] == [JOURNAL]


def obey_permissions() -> None:
    """Make file permissions apply to root, too: drop CAP_DAC_OVERRIDE."""
    drop_from_bounding_set, dac_override = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)
