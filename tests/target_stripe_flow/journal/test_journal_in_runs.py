"""Real runs and commands on a journal of either kind: the same commands, statuses, exit codes and messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

import pytest

from target_stripe_flow.journal.location import location_of
from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.support.plugins import ROOT, a_record, a_schema, clean_env, command, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import (
    HELD,
    a_target,
    config,
    ended,
    leave_behind,
    lines,
    posts,
    query,
    run_cli,
    wait_for,
)


def test_every_command_works(sandbox: Sandbox, journal_url: str, tmp_path: Path) -> None:
    settings, location = config(sandbox, journal_url), location_of({"journal_url": journal_url})
    command("target_stripe_flow", tmp_path, settings)

    none, made, again = run_cli(tmp_path, "list"), run_cli(tmp_path, "init"), run_cli(tmp_path, "init")
    declined = a_record("charges", id=9, amount=100, currency="usd", source="tok_chargeDeclined")
    ran = run_target(tmp_path, settings, [*lines(), a_schema("charges"), declined])
    retried, listed = run_cli(tmp_path, "retry", "charges:9"), run_cli(tmp_path, "list", "--json")
    exported, shown = run_cli(tmp_path, "export"), run_cli(tmp_path, "show", "customers:1")
    forgot, rebuilt = run_cli(tmp_path, "forget", "--yes", "customers:1"), run_cli(tmp_path, "rebuild")
    left, last = run_cli(tmp_path, "reconcile"), run_target(tmp_path, settings, lines())

    assert (none.code, "there is no journal" in none.log) == (1, True)
    assert f"created the journal {location}" in made.output
    assert "exists, with 0 rows" in again.output
    assert ran.code == 0
    assert "charges:9" in retried.output
    states = sorted(json.loads(line)["state"] for line in listed.output.splitlines())
    assert states == ["created", "declined", "opened"]
    assert len(exported.output.splitlines()) == 2
    assert "cus_" in shown.output
    assert forgot.code == 0
    assert "customers: 1 at Stripe, 1 with a marker, 1 new in the journal" in rebuilt.output
    assert (left.code, last.summary) == (0, "1 records: 1 unchanged")


@pytest.mark.promise("target 10", "With a live key a missing journal stops the run")
def test_a_live_key_needs_a_journal(journal_url: str, tmp_path: Path) -> None:
    with Sandbox("--live") as live:
        settings = config(live, journal_url, api_key="sk_live_sandbox", allow_live=True)
        missing = run_target(tmp_path, settings, lines())
        requests = live.requests()
        made = run_cli(tmp_path, "init")
        allowed = run_target(tmp_path, settings, lines())

    assert (missing.code, len(missing.errors), requests) == (1, 1, [])
    assert "there is no journal" in missing.errors[0]
    assert "stripe-flow journal init" in missing.errors[0]
    assert (made.code, allowed.code, allowed.summary) == (0, 0, "1 records: 1 created")


def test_a_dry_run_reads_the_journal_and_writes_nothing(sandbox: Sandbox, journal_url: str, tmp_path: Path) -> None:
    new = run_target(tmp_path, config(sandbox, journal_url, dry_run=True), lines())
    tables = tables_in(journal_url, tmp_path)
    run_target(tmp_path, config(sandbox, journal_url), lines())
    before = query(journal_url, "SELECT * FROM attempts")

    known = run_target(tmp_path, config(sandbox, journal_url, dry_run=True), lines())

    assert (new.code, new.summary, tables) == (0, "1 records: 1 created", [])
    assert (known.code, known.summary) == (0, "1 records: 1 unchanged")
    assert query(journal_url, "SELECT * FROM attempts") == before


def tables_in(journal_url: str, folder: Path) -> list[object]:
    """The tables of a database; the files of a folder that belong to a journal's file."""
    if journal_url.startswith("sqlite"):
        return [path.name for path in folder.glob("journal.db*")]
    return [
        name for (name,) in query(journal_url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    ]


@pytest.mark.volume
def test_processes_that_start_at_once_create_one_journal(journal_url: str) -> None:
    script = (
        "from target_stripe_flow.journal.location import location_of\n"
        f"location = location_of({{'journal_url': {journal_url!r}}})\n"
        "print(flush=True)\ninput()\nwith location.open_journal(): pass"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env()
        )
        for _ in range(6)
    ]
    for process in processes:
        assert cast("IO[bytes]", process.stdout).readline() == b"\n"

    for process in processes:  # all of them wait for this line
        stdin = cast("IO[bytes]", process.stdin)
        stdin.write(b"\n")
        stdin.flush()
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0] * 6
    each_once = [(version,) for version in range(1, len(MIGRATIONS) + 1)]
    assert sorted(query(journal_url, "SELECT version FROM journal_versions")) == each_once
    leases = 0 if journal_url.startswith("sqlite") else 6
    assert query(journal_url, "SELECT count(*) FROM owners") == [(leases,)]


@pytest.mark.promise("workers", "A worker waits for the record that another one is sending")
def test_a_second_run_waits_for_the_first_and_finds_its_record_unchanged(
    sandbox: Sandbox, journal_url: str, tmp_path: Path
) -> None:
    sandbox.faults(HELD | {"at": "after_execute"})
    settings = config(sandbox, journal_url) | {"timeout_s": 20}
    with a_target(tmp_path / "first", settings) as first:
        sandbox.wait_until_held("hold")
        with a_target(tmp_path / "second", settings) as second:
            log = tmp_path / "second" / "log"
            wait_for(lambda: log.exists() and "waiting " in log.read_text())
            assert second.poll() is None
            sandbox.release("hold")

            one, other = ended(first, tmp_path / "first"), ended(second, tmp_path / "second")

    assert (one.code, one.summary) == (0, "1 records: 1 created")
    assert (other.code, other.summary) == (0, "1 records: 1 unchanged")
    assert len(posts(sandbox)) == 1


@pytest.mark.promise("workers", "A worker that takes a row over sends the stored bytes under the stored key")
def test_after_a_kill_the_next_run_sends_the_stored_bytes_under_the_stored_key(
    sandbox: Sandbox, journal_url: str, tmp_path: Path
) -> None:
    leave_behind(sandbox, journal_url, tmp_path / "dead", "before_execute")
    changed = lines(name="Zoe")

    following = run_target(tmp_path, config(sandbox, journal_url), changed)

    sent = posts(sandbox)
    assert {(request["headers"]["idempotency-key"], request["body"]) for request in sent} == {
        (sent[0]["headers"]["idempotency-key"], sent[0]["body"])
    }
    assert len(sent) > 1
    assert [customer["name"] for customer in sandbox.objects("customer")] == ["Ann"]
    assert (following.code, following.summary.partition(" (")[0]) == (2, "1 records: 1 rejected")
    assert query(journal_url, "SELECT attempt, state, owner FROM attempts") == [(1, "created", None)]
