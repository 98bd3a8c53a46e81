"""The findings of `stripe-flow doctor` about local files: the target's journal, and the tap's state."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from stripe_flow_cli.journal.rows import format_time
from target_stripe_flow.journal.opening import open_journal
from tests.stripe_flow_cli.doctor.doctor import doctor, findings, of_check
from tests.support.plugins import a_config, a_record, a_schema, run_tap, run_target
from tests.support.postgres import Postgres, asked
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.target_stripe_flow.sharing import CANARY, a_target, config

JOURNAL = "stripe-flow-journal.db"
A_CUSTOMER = [a_schema("customers"), a_record("customers", id=1, name="Ann")]
HOLD = {"name": "hold", "match": {"method": "POST", "path": "/v1/customers"}, "action": {"kind": "hold"}}


@contextmanager
def a_journal_in_use(folder: Path) -> Iterator[None]:
    with open_journal(folder / JOURNAL):
        yield


def test_a_missing_journal_is_not_created(sandbox: Sandbox, tmp_path: Path) -> None:
    [(status, message)] = of_check(findings("target", tmp_path, a_config(sandbox.url)), "journal")

    assert status == "open"
    assert f"there is none at {JOURNAL} yet" in message
    assert not (tmp_path / JOURNAL).exists()


def test_a_journal_in_use_is_reported_with_its_owner_and_not_changed(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(HOLD)
    with a_target(tmp_path / "run", a_config(sandbox.url)) as process:
        sandbox.wait_until_held("hold")
        found = of_check(findings("target", tmp_path / "run", a_config(sandbox.url)), "journal")
        sandbox.release("hold")
        code = process.wait(30)

    assert found[0] == ("ok", f"{JOURNAL} can be read")
    assert found[1][0] == "open"
    assert f"in use by process {process.pid}: a run waits up to 60 s" in found[1][1]
    assert code == 0


def test_a_journal_is_free_after_its_owner_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    with a_journal_in_use(tmp_path):
        pass

    assert of_check(findings("target", tmp_path, a_config(sandbox.url)), "journal") == [
        ("ok", f"{JOURNAL} can be read")
    ]


def test_a_journal_of_a_newer_release_stops_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    with open_journal(tmp_path / JOURNAL):
        pass
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as raw:
        raw.execute("INSERT INTO journal_versions VALUES (99)")
        raw.commit()

    done = doctor("target", tmp_path, a_config(sandbox.url))

    assert done.code == run_target(tmp_path, a_config(sandbox.url), []).code == 1
    assert "✗ journal      the journal stripe-flow-journal.db is of a newer release" in done.output


def test_a_journal_of_an_older_release_stops_no_run(sandbox: Sandbox, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as raw:
        raw.execute("CREATE TABLE journal_versions (version INTEGER NOT NULL PRIMARY KEY)")
        raw.commit()
    before = (tmp_path / JOURNAL).read_bytes()

    done = doctor("target", tmp_path, a_config(sandbox.url))

    assert done.code == 0
    assert "of an older release: the next run migrates it" in done.output
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_a_file_that_is_not_a_journal_stops_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("no database, and long enough to be read as one" * 20)

    done = doctor("target", tmp_path, a_config(sandbox.url))

    assert done.code == run_target(tmp_path, a_config(sandbox.url), []).code == 1


def test_a_journal_of_another_account_is_reported(sandbox: Sandbox, tmp_path: Path) -> None:
    run_target(tmp_path, a_config(sandbox.url), A_CUSTOMER)

    own = of_check(findings("target", tmp_path, a_config(sandbox.url)), "attempts")
    other = of_check(findings("target", tmp_path, a_config(sandbox.url, account_id=CONNECTED)), "attempts")

    assert own == [("ok", f"{PLATFORM} has no open attempts")]
    assert other[0][0] == "open"
    assert f"the journal has rows of {PLATFORM} (test), and none of {CONNECTED} (test)" in other[0][1]


def test_open_attempts_are_counted_and_not_changed(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": {"kind": "answer", "status": 500}})
    charge = a_record("charges", id=1, amount=100, currency="usd", source="tok_visa")
    run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), charge])
    sandbox.faults()

    waiting = of_check(findings("target", tmp_path, a_config(sandbox.url)), "attempts")
    sandbox.advance(25 * 3600)
    run_target(tmp_path, a_config(sandbox.url), [])
    parked = of_check(findings("target", tmp_path, a_config(sandbox.url)), "attempts")

    assert waiting[0][0] == parked[0][0] == "open"
    assert waiting[0][1].startswith("not settled yet: 1 unknown; the next run reconciles them")
    assert parked[0][1].startswith("1 parked: a person decides")


def test_a_shared_journal_is_checked_and_not_created(sandbox: Sandbox, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database().replace("postgres:@", f"postgres:{CANARY}@")
    settings = config(sandbox, url)
    none = of_check(findings("target", tmp_path, settings), "journal")
    tables = asked(url, "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema()")

    sandbox.faults(HOLD)
    with a_target(tmp_path / "run", settings) as process:
        sandbox.wait_until_held("hold")
        shared = of_check(findings("target", tmp_path, settings), "journal")
        sandbox.release("hold")
        process.wait(30)

    assert none[0][0] == "open"
    assert tables == []
    assert [status for status, _ in shared] == ["ok", "ok"]
    assert shared[1][1].endswith(f" {process.pid}")
    assert CANARY not in none[0][1] + shared[0][1]


def test_an_unreachable_database_stops_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = a_config(sandbox.url, journal_url=f"postgresql://postgres:{CANARY}@127.0.0.1:9/none")

    done = doctor("target", tmp_path, settings)

    assert done.code == run_target(tmp_path, settings, []).code
    assert done.code != 0
    assert CANARY not in done.output


def test_the_state_of_each_stream_and_account_is_reported(seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    settings = a_config(seeded_sandbox.url, account_ids=[PLATFORM])
    state = run_tap(tmp_path, settings).states[-1]
    (tmp_path / "state.json").write_text(json.dumps(state))
    [of_charges] = state["bookmarks"]["charges"]["partitions"]

    more = a_config(seeded_sandbox.url, account_ids=[PLATFORM, CONNECTED])
    found = of_check(findings("tap", tmp_path, more, "--state", "state.json", "--stream", "charges"), "state")

    until = format_time(of_charges["replication_key_value"])
    assert found == [
        ("ok", f"charges of account {PLATFORM} continues from {until}"),
        ("open", f"charges of account {CONNECTED} has no bookmark yet: it starts at start_date"),
    ]


STATES: list[tuple[str, Any]] = [
    ("of another tap", {"bookmarks": {"charges": {"replication_key_value": "2026-01-01T00:00:00Z"}}}),
    ("of another shape", {"singer_state": {}}),
    (
        "of an account that is no text",
        {"bookmarks": {"charges": {"partitions": [{"context": {"_stripe_account": []}}]}}},
    ),
    ("ahead of Stripe", {"bookmarks": {"charges": {"replication_key_value": 4_000_000_000}}}),
]


@pytest.mark.parametrize("state", [case[1] for case in STATES], ids=[case[0] for case in STATES])
def test_an_unusable_state_stops_a_run(state: dict[str, Any], seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps(state))

    done = doctor("tap", tmp_path, a_config(seeded_sandbox.url), "--state", "state.json")

    assert "✗ state " in done.output
    assert done.code == run_tap(tmp_path, a_config(seeded_sandbox.url), state=state).code


def test_the_catalog_selects_the_streams_to_check(seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, a_config(seeded_sandbox.url), "--discover").output)
    for entry in catalog["streams"]:
        root = next(each for each in entry["metadata"] if each["breadcrumb"] == [])
        root["metadata"]["selected"] = entry["tap_stream_id"] in {"products", "refunds"}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))

    found = of_check(findings("tap", tmp_path, a_config(seeded_sandbox.url), "--catalog", "catalog.json"), "streams")

    assert sorted(found) == [("ok", "the key may read products"), ("ok", "the key may read refunds")]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_output_of_the_doctor_has_no_personal_data(
    options: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": {"kind": "answer", "status": 500}})
    person = a_record("customers", id="canary@example.com", email="canary@example.com", name="Canary Jones")
    run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), person])
    sandbox.faults()
    made = a_config(sandbox.url, journal_url="sqlite:///made.db")
    assert run_target(tmp_path, made, [a_schema("customers"), person]).summary == "1 records: 1 created"

    found = doctor("target", tmp_path, a_config(sandbox.url), *options)
    tap = doctor("tap", tmp_path, a_config(sandbox.url, customers_mode="list"), "--stream", "customers", *options)

    assert "1 unknown" in found.output
    assert "canary" not in (found.output + tap.output).casefold()
