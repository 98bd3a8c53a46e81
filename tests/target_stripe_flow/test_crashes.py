"""Real processes, really killed, at each point of a record's way; effects are counted in the sandbox.

Forty-eight pairs of a way and a point, with three kills in each: 144.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.mortality.ordeal import POINTS, Ordeal
from tests.mortality.rows import WAYS, rows_of
from tests.support.sandbox import Sandbox

KILLS = 3
ROWS = 50


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_target_sends_nothing_twice_and_loses_nothing(
    way: str, point: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    seed = random.Random(f"{way} {point}").randrange(10**6)
    action, settings = WAYS[way]
    draw = random.Random(seed)
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], ROWS), concurrency=3, draw=draw, settings=settings)

    kills = sum(ordeal.die(point).was_killed for _ in range(KILLS))
    last = ordeal.settle()

    assert ordeal.broken == [], f"seed {seed}"
    assert kills == KILLS, "fewer kills than were asked for hit a living process"
    assert (last.code, last.counts.get("parked", 0)) == (0, 0)
