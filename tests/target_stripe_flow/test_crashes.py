"""Real processes that are killed (SIGKILL) at each step of a record. Objects are counted in the sandbox.

48 pairs of a way and a point, in turn on either kind of journal, with three kills in each: 144. `make torture` adds 60
kills of targets that share a journal.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from tests.kills.target.journals import KeptJournal, OnPostgres, OwnFile
from tests.kills.target.ordeal import POINTS, Ordeal
from tests.kills.target.rows import WAYS, rows_of
from tests.support.sandbox import Sandbox

KILLS = 3
ROWS = 50
DATABASES = ("sqlite", "postgresql")
# Each pair of values of two of the three axes is in it.
CASES = [
    (way, point, DATABASES[(w + p) % len(DATABASES)]) for w, way in enumerate(WAYS) for p, point in enumerate(POINTS)
]


def test_each_pair_of_values_is_tried() -> None:
    axes: list[list[str]] = [[*WAYS], [*POINTS], [*DATABASES]]

    for (i, one), (j, other) in itertools.combinations(enumerate(axes), 2):
        assert {(case[i], case[j]) for case in CASES} == set(itertools.product(one, other))


@pytest.fixture
def journal(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> KeptJournal:
    return OwnFile(tmp_path) if database == "sqlite" else OnPostgres(request.getfixturevalue("postgres").database())


@pytest.mark.volume(cases=2)
@pytest.mark.promise(
    "target 1",
    "144 kills (SIGKILL) at each point, action and way of charging repeat and lose nothing; `make torture` does 1,000",
)
@pytest.mark.parametrize(("way", "point", "database"), CASES)
def test_a_killed_target_sends_nothing_twice_and_loses_nothing(
    way: str, point: str, journal: KeptJournal, sandbox: Sandbox, tmp_path: Path
) -> None:
    seed = random.Random(f"{way} {point}").randrange(10**6)
    action, settings = WAYS[way]
    rows, draw = rows_of([action], ROWS), random.Random(seed)
    ordeal = Ordeal(sandbox, tmp_path, rows, concurrency=3, draw=draw, settings=settings, journal=journal)

    kills = sum(ordeal.die(point).was_killed for _ in range(KILLS))
    last = ordeal.reconcile()

    assert ordeal.broken == [], f"seed {seed}"
    assert kills == KILLS, "fewer kills than planned hit a living process"
    assert (last.code, last.counts.get("parked", 0)) == (0, 0)
