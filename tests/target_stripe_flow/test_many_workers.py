"""Four real targets on one PostgreSQL: killed, stopped for longer than a lease, and cut off from the database.

Objects are counted in the sandbox, not in our journal.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.kills.target.judge import all_is_settled, never_twice
from tests.kills.target.workers import WorkerGroup
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

KILLS, SLEEPS, RESTARTS = 60, 20, 3
# Long enough that there is always a request in flight, and short beside the time limit of a request.
LATENCY = {"kind": "latency", "ms": 120, "jitter_ms": 80}


@pytest.mark.volume
@pytest.mark.promise(
    "workers",
    "Four workers create one object of each record, through 60 kills, 20 long sleeps and 3 restarts of PostgreSQL",
)
def test_four_workers_create_each_object_once_whatever_is_killed_or_stopped(
    sandbox: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    write = {"method": "POST"}
    sandbox.faults(
        {"match": write, "at": "before_execute", "probability": 0.5, "action": LATENCY},
        {"match": write, "at": "after_execute", "probability": 0.5, "action": LATENCY},
    )
    with WorkerGroup(sandbox, postgres, postgres.database(), tmp_path, random.Random(7)) as workers:
        workers.disturb(kills=KILLS, sleeps=SLEEPS, restarts=RESTARTS)
        sandbox.faults()
        workers.finish()
        workers.replay()
        last = workers.replay()

    world = workers.world()
    assert workers.broken == []
    assert workers.hits == {"kill": KILLS, "sleep": SLEEPS, "restart": RESTARTS}
    assert workers.lost > 0, "no process took a row from a stopped one"
    assert never_twice(workers.used(), world) + all_is_settled(workers.used(), world, last.counts) == []
    assert last.code == 0
