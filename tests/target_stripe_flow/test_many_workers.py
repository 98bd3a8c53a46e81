"""Four real targets on one PostgreSQL, killed, put to sleep for longer than a lease, and cut off from the database.

Effects are counted in the sandbox, not in our journal.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.kills.target.judge import all_is_settled, never_twice
from tests.kills.target.workers import Gang
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

KILLS, SLEEPS, RESTARTS = 60, 20, 3
# Long enough that some request is always under way, and short beside the time limit of a request.
LATENCY = {"kind": "latency", "ms": 120, "jitter_ms": 80}


def test_whatever_dies_four_workers_make_one_of_each(sandbox: Sandbox, postgres: Postgres, tmp_path: Path) -> None:
    write = {"method": "POST"}
    sandbox.faults(
        {"match": write, "at": "before_execute", "probability": 0.5, "action": LATENCY},
        {"match": write, "at": "after_execute", "probability": 0.5, "action": LATENCY},
    )
    with Gang(sandbox, postgres, postgres.database(), tmp_path, random.Random(7)) as gang:
        gang.suffer(kills=KILLS, sleeps=SLEEPS, restarts=RESTARTS)
        sandbox.faults()
        gang.rest()
        gang.replay()
        last = gang.replay()

    world = gang.world()
    assert gang.broken == []
    assert gang.hits == {"kill": KILLS, "sleep": SLEEPS, "restart": RESTARTS}
    assert gang.lost > 0, "nobody took a row from a sleeper"
    assert never_twice(gang.used(), world) + all_is_settled(gang.used(), world, last.counts) == []
    assert last.code == 0
