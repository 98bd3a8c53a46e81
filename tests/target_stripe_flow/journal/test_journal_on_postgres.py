"""A journal on PostgreSQL in daily use: the operator's commands, and what is said when something is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.plugins import ROOT, a_record, a_schema, clean_env, command, run_target
from tests.support.postgres import asked
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import (
    CANARY,
    HELD,
    a_target,
    config,
    ended,
    lines,
    run_cli,
)


def test_an_operator_does_all_of_it_on_postgresql(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    settings = config(sandbox, url)
    command("target_stripe_flow", tmp_path, settings)

    none, made, again = run_cli(tmp_path, "list"), run_cli(tmp_path, "init"), run_cli(tmp_path, "init")
    declined = a_record("charges", id=9, amount=100, currency="usd", source="tok_chargeDeclined")
    ran = run_target(tmp_path, settings, [*lines(), a_schema("charges"), declined])
    retried, listed = run_cli(tmp_path, "retry", "charges:9"), run_cli(tmp_path, "list", "--json")
    exported, shown = run_cli(tmp_path, "export"), run_cli(tmp_path, "show", "customers:1")
    forgot, rebuilt = run_cli(tmp_path, "forget", "--yes", "customers:1"), run_cli(tmp_path, "rebuild")
    left, last = run_cli(tmp_path, "reconcile"), run_target(tmp_path, settings, lines())

    assert (none.code, "there is no journal" in none.log) == (1, True)
    assert made.output.startswith("created the journal postgresql://postgres:***@")
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


def test_with_a_live_key_a_database_without_tables_is_a_missing_journal(url: str, tmp_path: Path) -> None:
    with Sandbox("--live") as live:
        settings = config(live, url, api_key="sk_live_sandbox", allow_live=True)
        missing = run_target(tmp_path, settings, lines())
        made = run_cli(tmp_path, "init")
        there = run_target(tmp_path, settings, lines())

    assert (missing.code, len(missing.errors)) == (1, 1)
    assert "there is no journal" in missing.errors[0]
    assert (made.code, there.code, there.summary) == (0, 0, "1 records: 1 created")


def test_a_dry_run_looks_and_leaves_the_database_alone(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    absent = run_target(tmp_path, config(sandbox, url, dry_run=True), lines())
    tables = asked(url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
    run_target(tmp_path, config(sandbox, url), lines())
    before = asked(url, "SELECT * FROM attempts")

    known = run_target(tmp_path, config(sandbox, url, dry_run=True), lines())

    assert (absent.code, absent.summary, tables) == (0, "1 records: 1 created", [(0,)])
    assert (known.code, known.summary) == (0, "1 records: 1 unchanged")
    assert asked(url, "SELECT * FROM attempts") == before


def test_a_connection_that_is_lost_is_one_clear_line_and_the_next_run_goes_on(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    sandbox.faults(HELD | {"at": "after_execute"})
    with a_target(tmp_path / "cut", config(sandbox, url) | {"timeout_s": 20}) as process:
        sandbox.wait_until_held("hold")
        asked(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'stripe-flow' AND datname = current_database()",
        )
        sandbox.release("hold")
        cut = ended(process, tmp_path / "cut")
    left = asked(url, "SELECT state, body IS NOT NULL FROM attempts")
    asked(url, "UPDATE owners SET alive_until_unix = 0 RETURNING 1")  # its lease of 40 s is over
    sandbox.faults()

    again = run_target(tmp_path, config(sandbox, url), lines())

    assert (cut.code, len(cut.errors)) == (1, 1)
    assert "cannot be used" in cut.errors[0]
    assert CANARY not in cut.log
    assert left == [("intent", True)]
    assert (again.code, again.summary) == (0, "1 records: 1 unchanged")
    assert len(sandbox.objects("customer")) == 1


@pytest.mark.parametrize(
    "url", [f"postgresql://me:{CANARY}@127.0.0.1:9/d", f"postgresql://me@127.0.0.1:9/d?password={CANARY}"]
)
def test_a_database_that_is_not_there_is_one_clear_line_without_its_password(
    url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run_target(tmp_path, config(sandbox, url), lines())

    assert (done.code, len(done.errors)) == (1, 1)
    assert "connection refused" in done.errors[0].lower()
    assert CANARY not in done.log + done.output


def test_a_driver_that_is_not_there_is_named_by_its_extra(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError('psycopg')")
    line = command("target_stripe_flow", tmp_path, config(sandbox, url))

    done = subprocess.run(
        line,
        cwd=tmp_path,
        env=clean_env(PYTHONPATH=f"{tmp_path}:{ROOT}"),
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert b"pip install 'stripe-flow[postgres]'" in done.stderr
    assert b"Traceback" not in done.stderr
    assert CANARY.encode() not in done.stderr
