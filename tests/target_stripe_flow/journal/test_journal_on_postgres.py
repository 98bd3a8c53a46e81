"""What only a journal on PostgreSQL has: leases between runs, migrations by one of many, and a server to lose."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from target_stripe_flow.journal.location import location_of
from target_stripe_flow.journal.migrations import migrate
from target_stripe_flow.journal.schema import versions
from tests.support.plugins import ROOT, clean_env, command, run_target
from tests.support.postgres import asked
from tests.support.sandbox import PLATFORM, Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import (
    CANARY,
    HELD,
    SCAN_AFTER_S,
    a_target,
    config,
    ended,
    leave_behind,
    lines,
    posts,
    run_cli,
    wait_for,
)


def count_rows(url: str) -> int:
    with location_of({"journal_url": url}).open_journal() as journal:
        return journal.count()


def test_a_process_waits_while_another_creates_the_tables(url: str) -> None:
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg"), poolclass=NullPool)
    with ThreadPoolExecutor(1) as second, engine.connect() as first:
        versions.create(first)
        first.commit()
        first.exec_driver_sql(f"LOCK TABLE {versions.name} IN EXCLUSIVE MODE")
        migrate(first, "x")

        waiting = second.submit(count_rows, url)
        wait_for(lambda: asked(url, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
        first.commit()

        assert waiting.result(30) == 0


def test_beyond_the_safe_age_the_next_run_waits_until_a_scan_is_safe_and_sends_nothing(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    leave_behind(sandbox, url, tmp_path / "dead", "after_execute")
    sandbox.advance(25 * 3600)
    before = len(posts(sandbox))

    following = run_target(tmp_path, config(sandbox, url), lines())

    ((ended_unix,),) = asked(url, "SELECT min(alive_until_unix) FROM owners")
    scans = [each for each in sandbox.requests() if each["path"] == "/v1/customers" and each["method"] == "GET"]
    assert (following.code, following.summary) == (0, "1 records: 1 unchanged")
    assert len(posts(sandbox)) == before, "nothing was sent again"
    assert len(scans) == 1
    assert time.time() - ended_unix >= SCAN_AFTER_S


def test_a_run_neither_settles_nor_counts_the_rows_of_a_living_process(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    location = location_of({"journal_url": url, "timeout_s": 10})
    with location.open_journal() as journal:
        journal.open_attempt(an_attempt(account=PLATFORM, owner=journal.ownership.owner))

        other = run_target(tmp_path, config(sandbox, url), lines())
        settled = run_cli(tmp_path, "settle", f"customers:{an_attempt().digest}", "--as", "not-created")

    assert (other.code, other.summary) == (0, "1 records: 1 created")
    assert (settled.code, len(settled.errors)) == (1, 1)
    assert "another process" in settled.errors[0]


def test_a_lost_connection_is_one_clear_line_and_the_next_run_continues(
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
    asked(url, "UPDATE owners SET alive_until_unix = 0 RETURNING 1")  # end its lease of 40 s
    sandbox.faults()

    again = run_target(tmp_path, config(sandbox, url), lines())

    assert (cut.code, len(cut.errors)) == (1, 1)
    assert "cannot be used" in cut.errors[0]
    assert CANARY not in cut.log
    assert left == [("intent", True)]
    assert (again.code, again.summary) == (0, "1 records: 1 unchanged")
    assert len(sandbox.objects("customer")) == 1


def test_a_run_names_the_database_without_its_password(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    done = run_target(tmp_path, config(sandbox, url), lines())

    assert "postgresql://***@" in done.log
    assert CANARY not in done.log + done.output


@pytest.mark.parametrize(
    "url", [f"postgresql://me:{CANARY}@127.0.0.1:9/d", f"postgresql://me@127.0.0.1:9/d?password={CANARY}"]
)
def test_an_unreachable_database_is_one_clear_line_without_its_password(
    url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run_target(tmp_path, config(sandbox, url), lines())

    assert (done.code, len(done.errors)) == (1, 1)
    assert "connection refused" in done.errors[0].lower()
    assert CANARY not in done.log + done.output


def test_a_missing_driver_is_named_with_the_extra_that_installs_it(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
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
    assert b"`pip install 'psycopg[binary]'`" in done.stderr
    assert b"Traceback" not in done.stderr
    assert CANARY.encode() not in done.stderr
