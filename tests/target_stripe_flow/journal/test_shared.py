"""Several processes on one PostgreSQL: who comes second, who takes over, and who wakes up too late."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from target_stripe_flow.journal.location import location_of
from target_stripe_flow.journal.migrations import MIGRATIONS, migrate
from target_stripe_flow.journal.schema import versions
from tests.support.plugins import ROOT, clean_env, run_target
from tests.support.postgres import asked
from tests.support.sandbox import PLATFORM, Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import (
    HELD,
    LOOK_AFTER_S,
    a_target,
    config,
    ended,
    leave_behind,
    lines,
    posts,
    run_cli,
    wait_for,
)


def test_processes_that_begin_at_once_make_one_journal(url: str) -> None:
    make = (
        "from target_stripe_flow.journal.location import location_of\n"
        f"place = location_of({{'journal_url': {url!r}}})\n"
        "print(flush=True)\ninput()\nwith place.open_journal(): pass"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", make], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env()
        )
        for _ in range(6)
    ]
    for process in started:
        assert cast("IO[bytes]", process.stdout).readline() == b"\n"

    for process in started:  # all of them are waiting for this
        stdin = cast("IO[bytes]", process.stdin)
        stdin.write(b"\n")
        stdin.flush()
    for process in started:
        process.communicate(timeout=60)

    assert [process.returncode for process in started] == [0] * 6
    each_once = [(version,) for version in range(1, len(MIGRATIONS) + 1)]
    assert sorted(asked(url, "SELECT version FROM journal_versions")) == each_once
    assert asked(url, "SELECT count(*) FROM owners") == [(6,)]


def rows_of_a_process(url: str) -> int:
    with location_of({"journal_url": url}).open_journal() as journal:
        return journal.count()


def test_who_begins_while_another_makes_the_tables_waits_for_it(url: str) -> None:
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg"), poolclass=NullPool)
    with ThreadPoolExecutor(1) as second, engine.connect() as first:
        versions.create(first)
        first.commit()
        first.exec_driver_sql(f"LOCK TABLE {versions.name} IN EXCLUSIVE MODE")
        migrate(first, "x")

        waiting = second.submit(rows_of_a_process, url)
        wait_for(lambda: asked(url, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
        first.commit()

        assert waiting.result(30) == 0


def test_who_comes_second_waits_and_finds_it_done(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    sandbox.faults(HELD | {"at": "after_execute"})
    settings = config(sandbox, url) | {"timeout_s": 20}
    with a_target(tmp_path / "first", settings) as first:
        sandbox.wait_until_held("hold")
        with a_target(tmp_path / "second", settings) as second:
            wait_for(lambda: asked(url, "SELECT count(*) FROM owners") == [(2,)])
            time.sleep(0.5)  # it has read its input, and must be waiting
            assert second.poll() is None
            sandbox.release("hold")

            one, other = ended(first, tmp_path / "first"), ended(second, tmp_path / "second")

    assert (one.code, one.summary) == (0, "1 records: 1 created")
    assert (other.code, other.summary) == (0, "1 records: 1 unchanged")
    assert len(posts(sandbox)) == 1


def test_a_taker_sends_the_stored_bytes_under_the_stored_key(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    leave_behind(sandbox, url, tmp_path / "dead", "before_execute")
    changed = lines(name="Zoe")

    taker = run_target(tmp_path, config(sandbox, url), changed)

    sent = posts(sandbox)
    assert {(each["headers"]["idempotency-key"], each["body"]) for each in sent} == {
        (sent[0]["headers"]["idempotency-key"], sent[0]["body"])
    }
    assert [each["name"] for each in sandbox.objects("customer")] == ["Ann"]
    assert (taker.code, taker.summary.partition(" (")[0]) == (0, "1 records: 1 rejected")
    assert asked(url, "SELECT attempt, state, owner FROM attempts") == [(1, "created", None)]


def test_beyond_the_safe_age_a_taker_waits_a_lease_and_a_timeout_and_looks(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    leave_behind(sandbox, url, tmp_path / "dead", "after_execute")
    sandbox.advance(25 * 3600)
    before = len(posts(sandbox))

    taker = run_target(tmp_path, config(sandbox, url), lines())

    ((ended_unix,),) = asked(url, "SELECT min(alive_until_unix) FROM owners")
    looks = [each for each in sandbox.requests() if each["path"] == "/v1/customers" and each["method"] == "GET"]
    assert (taker.code, taker.summary) == (0, "1 records: 1 unchanged")
    assert len(posts(sandbox)) == before, "nothing was sent again"
    assert len(looks) == 1
    assert time.time() - ended_unix >= LOOK_AFTER_S


def test_rows_of_a_living_process_are_not_another_runs_to_settle_or_to_count(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    location = location_of({"journal_url": url, "timeout_s": 10})
    with location.open_journal() as journal:
        journal.open_attempt(an_attempt(account=PLATFORM, owner=journal.ownership.owner))

        other = run_target(tmp_path, config(sandbox, url), lines())
        said = run_cli(tmp_path, "settle", f"customers:{an_attempt().digest}", "--as", "not-created")

    assert (other.code, other.summary) == (0, "1 records: 1 created")
    assert (said.code, said.errors) == (
        1,
        ["Error: another process is reconciling this attempt now: run the command again in a minute"],
    )
