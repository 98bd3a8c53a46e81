"""Journals as after long use, made fast: rows of finished records, without running them.

`python -m tests.benchmarks.journals FOLDER COUNT` makes the journal that a run of the target would leave in FOLDER, had
Stripe made COUNT of our `orders`. A process of its own: it takes the memory that makes it fast.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity, Scope, source_key
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.job import Job
from target_stripe_flow.journal.opening import open_journal
from tests.benchmarks.replays import JOURNAL, orders
from tests.support.sandbox import PLATFORM

SCOPE = Scope(account=PLATFORM, mode="test", source_name="default")
SENT_UNIX = 1_790_000_000
# The rows lie in the order of their hashes, so that each new one goes to another page: with all pages in memory and
# nothing synced, a million of them takes a minute instead of an hour.
HASTE = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000")


def _fill(folder: Path, count: int) -> None:
    path = folder / JOURNAL
    with open_journal(path):
        pass  # only creates its tables
    columns = ", ".join(f":{column}" for column in _sent())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in HASTE:
            connection.execute(pragma)
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO attempts ({columns.replace(':', '')}) VALUES ({columns})", _rows(count))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def _rows(count: int) -> Iterator[dict[str, Any]]:  # Any: what the columns hold
    checkers = {spec.name: RecordChecker(spec) for spec in ACTIONS.values()}
    sent = _sent()
    for order in orders(count):
        spec, record = ACTIONS[order["stream"]], order["record"]
        identity = Identity(scope=SCOPE, action=spec.name, source_key=source_key(record, ["id"]))
        checker = checkers[spec.name]
        job = Job(spec=spec, identity=identity, parameters=checker.pick(record), checker=checker, unset={})
        yield sent | {
            "digest": identity.digest,
            "action": spec.name,
            "source_key": f'["{record["id"]}"]',
            **job.attempt(None).content(),
            "path": spec.path,
            "idempotency_key": f"stripe-flow:{identity.digest}:1",
            "stripe_id": f"{spec.name}_{identity.digest[:24]}",
        }


def _sent() -> dict[str, Any]:  # Any: see _rows
    """The values that all rows share."""
    attempt = Attempt(
        digest="",
        attempt=1,
        account=SCOPE.account,
        mode=SCOPE.mode,
        action="",
        source_name=SCOPE.source_name,
        api_version="2026-10-28.endive",
        first_sent_unix=SENT_UNIX,
        last_sent_unix=SENT_UNIX,
        settled_unix=SENT_UNIX + 1,
        state=State.CREATED,
        request_id="req_0123456789abcd",
    )
    return attempt.row()


if __name__ == "__main__":
    _fill(Path(sys.argv[1]), int(sys.argv[2]))
