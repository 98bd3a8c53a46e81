"""Real targets on a journal of either kind, and what they leave in it."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from target_stripe_flow.journal.location import File, Location, Shared, location_of
from tests.support.forking import Running, started
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run
from tests.support.postgres import asked
from tests.support.sandbox import Sandbox

# The password in the URLs, which no output may show.
CANARY = "canary-0123456789"
TIMEOUT_S = 0.5
LEASE_S, SCAN_AFTER_S = 2 * TIMEOUT_S, 3 * TIMEOUT_S
HELD = {"name": "hold", "match": {"method": "POST"}, "action": {"kind": "hold"}}


def lines(**record: object) -> list[dict[str, Any]]:
    return [a_schema("customers"), a_record("customers", id=1, **{"name": "Ann", **record})]


def config(sandbox: Sandbox, url: str, **settings: object) -> dict[str, object]:
    return a_config(sandbox.url, journal_url=url, timeout_s=TIMEOUT_S, **settings)


def query(journal: Location | str, statement: str) -> list[tuple[Any, ...]]:  # Any: the columns' values
    """The rows that a statement returns, read from the journal as any other program could."""
    location = location_of({"journal_url": journal}) if isinstance(journal, str) else journal
    if isinstance(location, Shared):
        return asked(location.url.render_as_string(hide_password=False), statement)
    assert isinstance(location, File)
    with closing(sqlite3.connect(location.path, timeout=30)) as raw:
        found = raw.execute(statement).fetchall()
        raw.commit()
        return found


# What brings a journal back to the tables of the release before, which had three migrations.
UNDO_TO_RELEASE_BEFORE = (
    "ALTER TABLE attempts DROP COLUMN field_marks",
    "DROP TABLE needs_rebuild",
    "DROP TABLE sources",
    "DROP TABLE account_labels",
    "DROP INDEX rebuilt_attempts",
    "DELETE FROM journal_versions WHERE version > 3",
)


def execute(location: Location, *statements: str) -> None:
    """Change a journal as another program could."""
    if isinstance(location, Shared):
        with psycopg.connect(location.url.render_as_string(hide_password=False)) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return
    for statement in statements:
        query(location, statement)


@contextmanager
def a_target(folder: Path, settings: Mapping[str, object]) -> Iterator[Running]:
    """A target that reads one customer, in its own folder."""
    folder.mkdir()
    read, output, log = (folder / name for name in ("input", "output", "log"))
    read.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines()))
    line = command("target_stripe_flow", folder, settings)
    process = started(line, folder, clean_env(), given=read, output=output, log=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def ended(process: Running, folder: Path) -> Ended:
    return Ended(code=process.wait(60), output="", log=(folder / "log").read_text())


def posts(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request for request in sandbox.requests() if request["method"] == "POST"]


def leave_behind(sandbox: Sandbox, url: str, folder: Path, at: str) -> None:
    """Kill a target during its request; the server executes the request all the same."""
    sandbox.faults(HELD | {"at": at})
    with a_target(folder, config(sandbox, url) | {"timeout_s": TIMEOUT_S}) as process:
        sandbox.wait_until_held("hold")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    sandbox.release("hold")
    sandbox.faults()


def run_cli(folder: Path, *arguments: str) -> Ended:
    line = [sys.executable, "-m", "stripe_flow_cli", "journal", *arguments, "--config", "target_stripe_flow.json"]
    done = run(line, folder)
    assert CANARY not in done.output + done.log
    return done


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
