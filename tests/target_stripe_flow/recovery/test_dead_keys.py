"""A run that stood still between its look at a key's age and the send: a dead key is never sent (real processes)."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, WAYS, rows_of
from tests.support.between import Between
from tests.support.forking import Running, started
from tests.support.plugins import a_config, clean_env, command
from tests.support.sandbox import Sandbox

JOURNAL = "stripe-flow-journal.db"
A_DAY_AND_MORE_S = 25 * 3600
HELD = {"kind": "hold"}


def resume(folder: Path, url: str, settings: dict[str, object]) -> Running:
    """A run over the input that the killed run left in `folder`."""
    line = command("target_stripe_flow", folder, a_config(url, **settings))
    given, output, log = (folder / name for name in ("input.jsonl", "output.txt", "log.txt"))
    return started(line, folder, clean_env(), given=given, output=output, log=log)


@pytest.mark.promise("target 5", "A run that waits a day for the journal's lock sends no expired key")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("closes", [True, False], ids=["each answer closes", "connections stay open"])
def test_a_run_that_stood_still_at_the_journals_lock_sends_no_dead_key(
    closes: bool,  # noqa: FBT001
    way: str,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    action, settings = WAYS[way]
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 1), most_passages=1, settings=settings)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    # The first one names the account, the second one is the check of the time before the resend.
    sandbox.faults({"name": "check", "match": {"path": "/v1/account"}, "skip": 1, "times": 1, "action": HELD})

    with Between(sandbox.url, closes=closes) as between, closing(sqlite3.connect(tmp_path / JOURNAL)) as other:
        # Connections that stay open are those of the sandbox, which closes them at the jump, as Stripe would.
        target = resume(tmp_path, between.url if closes else sandbox.url, dict(settings))
        sandbox.wait_until_held("check")
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        sandbox.release("check")
        time.sleep(0.5)  # the target has its answer and waits for the lock
        target.send_signal(signal.SIGSTOP)
        sandbox.advance(A_DAY_AND_MORE_S)
        other.execute("ROLLBACK")
        target.send_signal(signal.SIGCONT)
        target.wait(120)

    assert len(made(sandbox, action)) == 1
    orders = [each for each in sandbox.requests() if "metadata[row]" in each["body"] and each["executed"]]
    assert len(orders) == 1


def made(sandbox: Sandbox, action: str) -> list[dict[str, Any]]:
    """The objects that were created from rows."""
    return [each for each in sandbox.objects(TYPES[action]) if "row" in each["metadata"]]
