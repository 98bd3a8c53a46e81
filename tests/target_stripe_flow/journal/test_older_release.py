"""A shared journal is not migrated while workers of an older release use it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.location import location_of
from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.support.plugins import ROOT, clean_env, run_target
from tests.support.postgres import asked
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import config, lines, query, run_cli

# Each case waits for leases to end.
pytestmark = pytest.mark.volume(cases=1)

OLDER = range(1, len(MIGRATIONS))
# A process of an older release: it knows only the first migrations.
WORKER = """
import sys
from target_stripe_flow.journal import migrations, shared
migrations.MIGRATIONS = shared.MIGRATIONS = migrations.MIGRATIONS[:{known}]
from target_stripe_flow.journal.location import location_of
with location_of({{"journal_url": {url!r}, "timeout_s": 1.0}}).open_journal():
    print(flush=True)
    sys.stdin.read()
"""


@contextmanager
def an_older_worker(url: str, known: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER.format(known=known, url=url)],
        cwd=ROOT,
        env=clean_env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"\n"
        try:
            yield worker
        finally:
            worker.kill()


def version(url: str) -> int:
    [(found,)] = query(url, "SELECT max(version) FROM journal_versions")
    return int(found)


def a_journal(url: str, known: int, *, lasts_s: float) -> None:
    """The tables of an older release, and the lease of a process that has ended, which lasts so long."""
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg"))
    dialect = {"bytes": "BYTEA", "double": "DOUBLE PRECISION", "options": ""}
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE journal_versions (version INTEGER NOT NULL PRIMARY KEY)")
        for number, statements in enumerate(MIGRATIONS[:known], 1):
            for statement in statements:
                connection.exec_driver_sql(statement.format(**dialect))
            connection.exec_driver_sql(f"INSERT INTO journal_versions VALUES ({number})")
        table = "owners" if known >= 3 else "holders"
        connection.exec_driver_sql(
            f"INSERT INTO {table} VALUES ('a', 'host 17', extract(epoch FROM clock_timestamp()) + {lasts_s}, 1)"
        )
    engine.dispose()


@pytest.mark.promise("workers", "The journal is not migrated while workers of an older release live")
def test_the_journal_is_left_to_a_living_worker_of_the_older_release(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    with an_older_worker(url, len(MIGRATIONS) - 1) as worker:
        done = run_target(tmp_path, config(sandbox, url), lines())
        made = run_cli(tmp_path, "init")
        before = version(url)
        worker.communicate(b"", timeout=30)  # it ends well, and ends its lease
    after = run_target(tmp_path, config(sandbox, url), lines())

    for each in (done, made):
        assert (each.code, len(each.errors)) == (1, 1)
        assert "is of an older release and in use by process " in each.errors[0]
        assert f" {worker.pid}: end all processes of the older release, then run again" in each.errors[0]
    assert (before, version(url)) == (len(MIGRATIONS) - 1, len(MIGRATIONS))
    assert (after.code, after.summary) == (0, "1 records: 1 created")


def test_the_lease_of_a_killed_worker_of_the_older_release_is_waited_for(
    sandbox: Sandbox, url: str, tmp_path: Path
) -> None:
    with an_older_worker(url, len(MIGRATIONS) - 1) as worker:
        worker.kill()
        worker.wait(10)
        began = time.monotonic()
        done = run_target(tmp_path, config(sandbox, url), lines())

    assert (done.code, done.summary) == (0, "1 records: 1 created")
    assert f" {worker.pid} may still use it: waiting up to " in done.log
    assert time.monotonic() - began > 0.5


@pytest.mark.parametrize("known", OLDER)
def test_of_every_older_release_the_leases_are_waited_for(known: int, url: str) -> None:
    a_journal(url, known, lasts_s=1.5)
    began = time.monotonic()

    with location_of({"journal_url": url}).open_journal() as journal:
        assert journal.count() == 0

    assert time.monotonic() - began > 1
    assert version(url) == len(MIGRATIONS)


@pytest.mark.parametrize("known", OLDER)
def test_of_every_older_release_an_extended_lease_is_that_of_a_living_worker(known: int, url: str) -> None:
    a_journal(url, known, lasts_s=5)
    table = "owners" if known >= 3 else "holders"
    stop = threading.Event()

    def keep_alive() -> None:
        while not stop.wait(0.2):
            asked(url, f"UPDATE {table} SET alive_until_unix = alive_until_unix + 1 RETURNING 1")

    thread = threading.Thread(target=keep_alive)
    thread.start()
    try:
        with (
            pytest.raises(Misconfigured, match="in use by process host 17: end all processes of the older release"),
            location_of({"journal_url": url}).open_journal(),
        ):
            pass
    finally:
        stop.set()
        thread.join()
    assert version(url) == known
