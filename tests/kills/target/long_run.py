"""A long ordeal: one target is killed and stopped many times, under faults and with wrong clocks.

Each ordeal has a case: the way of charging, the kind of journal, and the action whose rows are read first and so are in
flight when the target is killed.
"""

from __future__ import annotations

import itertools
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.faults import BACKGROUND
from tests.kills.target.journals import KeptJournal, OnPostgres, OwnFile
from tests.kills.target.ordeal import POINTS, SERVER_POINTS, Ordeal
from tests.kills.target.rows import Row, rows_of, shuffled
from tests.support.clock_shift import Shift, build
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

DAY_S = 24 * 3600
SLEEP_S = 25 * 3600
# Pauses between two runs: mostly none, some long enough for a scan, or until Stripe may forget a key.
PAUSES_S = (0, 0, 0, 0, 0, 0, 60, 11 * 60, SLEEP_S)
# One of this many runs is stopped instead of killed.
SLEEPS_EVERY = 10
ROWS_EACH = 400
CONCURRENCY = 16


@dataclass(frozen=True)
class Case:
    """The case of an ordeal; see the module."""

    action: str
    charge_with: str
    database: str

    def __str__(self) -> str:
        return f"{self.action} first, charge_with={self.charge_with}, {self.database}"


CASES = list(
    itertools.starmap(Case, itertools.product(ACTIONS, ACTIONS["charges"].endpoints, ("sqlite", "postgresql")))
)


@dataclass
class Report:
    """The result of an ordeal."""

    seed: int
    case: Case
    kills: Counter[str] = field(default_factory=Counter)
    sleeps: int = 0
    runs: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return (
            f"seed={self.seed} ({self.case}) kills={self.kills.total()} sleeps={self.sleeps} runs={self.runs} "
            f"faults={self.struck.total()} | in the end: {statuses}"
        )


def run_with_kills(folder: Path, *, seed: int, kills: int) -> Report:
    """Kill the target `kills` times, at each point in turn, then reconcile. A seed draws a case, points and faults."""
    case = CASES[seed % len(CASES)]
    report, draw = Report(seed, case), random.Random(seed)
    shift = Shift(build(folder), folder / "shift")
    with Sandbox("--seed", str(seed)) as sandbox, _journal(folder, case.database) as journal:
        ordeal = Ordeal(
            sandbox,
            folder,
            rows_of(list(ACTIONS), ROWS_EACH),
            concurrency=CONCURRENCY,
            most_passages=12,
            draw=draw,
            background=BACKGROUND,
            env=shift.env(),
            settings={"charge_with": case.charge_with},
            journal=journal,
        )
        rows = _first(case.action, ordeal.rows)
        _prepare(ordeal, case.action, rows)
        while report.kills.total() < kills and report.runs < 2 * kills + 20:
            sandbox.advance(draw.choice(PAUSES_S))
            shift.by(draw.choice((0, 3 * DAY_S, -3 * DAY_S)))
            ordeal.rows = shuffled(rows, draw.randrange(10**6))
            if draw.randrange(SLEEPS_EVERY):
                _kill(ordeal, report, draw)
            else:
                _sleep(ordeal, report, draw, shift)
            report.runs += 1
            report.struck += Counter({rule["name"]: rule["struck"] for rule in sandbox.fault_states()})
        shift.by(0)
        report.counts = ordeal.reconcile().counts
    report.broken = ordeal.broken
    return report


@contextmanager
def _journal(folder: Path, database: str) -> Iterator[KeptJournal]:
    if database == "sqlite":
        yield OwnFile(folder)
        return
    with Postgres() as server:
        yield OnPostgres(server.database())


def _first(action: str, rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.action != action)


def _prepare(ordeal: Ordeal, action: str, rows: Sequence[Row]) -> None:
    """Create first what the action's rows refer to, so that the rows themselves are in flight at the kill."""
    needed = _needs(action)
    ordeal.rows = [row for row in rows if row.action in needed]
    if ordeal.rows:
        ordeal.live()


def _needs(action: str) -> set[str]:
    """The actions that `action` refers to, directly or through others."""
    named = set(ACTIONS[action].references.values())
    return named.union(*map(_needs, named))


def _kill(ordeal: Ordeal, report: Report, draw: random.Random) -> None:
    """Kill a run at one of the points with the fewest kills so far."""
    fewest = min(report.kills[point] for point in POINTS)
    point = draw.choice([point for point in POINTS if report.kills[point] == fewest])
    report.kills[point] += ordeal.die(point).was_killed


def _sleep(ordeal: Ordeal, report: Report, draw: random.Random, shift: Shift) -> None:
    """Stop a process with requests in flight, continue it 25 hours later, by its own clock too, and kill it."""
    first, then = draw.choices(list(SERVER_POINTS), k=2)
    ordeal.hold(SERVER_POINTS[first])
    with ordeal.started() as process:
        if ordeal.is_held(process):
            process.send_signal(signal.SIGSTOP)
            # A server executes the requests that it has within a minute, not a day later.
            ordeal.sandbox.release("hold")
            ordeal.sandbox.advance(SLEEP_S)
            shift.by(shift.seconds + SLEEP_S)
            ordeal.hold(SERVER_POINTS[then])
            process.send_signal(signal.SIGCONT)
            report.sleeps += 1
            ordeal.kill_when_held(process)
        died = ordeal.ended(process)
    ordeal.sandbox.release("hold")
    report.kills[then] += died.was_killed
    ordeal.judge(died)


def shortfalls(reports: list[Report], kills: int) -> list[str]:
    """What the reports lack: each point of each ordeal needs half of its fair share of the kills."""
    least = max(1, kills // len(reports) // len(POINTS) // 2)
    few = [
        f"seed {report.seed}: {report.kills[point]} kills at {point}"
        for report in reports
        for point in POINTS
        if report.kills[point] < least
    ]
    total = sum(report.kills.total() for report in reports)
    return few + ([] if total >= kills else [f"only {total} of {kills} kills hit a living process"])
