"""A long ordeal: many deaths and sleeps of one target, under faults, with clocks that are wrong."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from target_stripe_flow.actions import ACTIONS
from tests.mortality.faults import BACKGROUND
from tests.mortality.ordeal import POINTS, SERVER_POINTS, Ordeal
from tests.mortality.rows import rows_of, shuffled
from tests.support.clock_shift import Shift, build
from tests.support.sandbox import Sandbox

DAY_S = 24 * 3600
SLEEP_S = 25 * 3600
# Between two runs: mostly nothing, at times long enough for a look, or for a key to be forgotten.
PAUSES_S = (0, 0, 0, 0, 0, 0, 60, 11 * 60, SLEEP_S)
# One run in so many is put to sleep instead of killed.
SLEEPS_EVERY = 10
ROWS_EACH = 400
CONCURRENCY = 16
# Each in every other ordeal.
WAYS_TO_CHARGE = list(ACTIONS["charges"].ways)


@dataclass
class Report:
    """What an ordeal came to."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    sleeps: int = 0
    runs: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        places = ", ".join(f"{count} {place}" for place, count in self.counts.items())
        return (
            f"seed={self.seed} kills={self.kills.total()} sleeps={self.sleeps} runs={self.runs} "
            f"faults={self.struck.total()} | in the end: {places}"
        )


def suffer(folder: Path, *, seed: int, kills: int) -> Report:
    """Die so many times, at each point in turn, then settle; the same seed draws the same points, pauses and faults."""
    report, draw = Report(seed), random.Random(seed)
    shift = Shift(build(folder), folder / "shift")
    with Sandbox("--seed", str(seed)) as sandbox:
        rows = rows_of(list(ACTIONS), ROWS_EACH)
        ordeal = Ordeal(
            sandbox,
            folder,
            rows,
            concurrency=CONCURRENCY,
            most_passages=12,
            draw=draw,
            background=BACKGROUND,
            env=shift.env(),
            settings={"charge_with": WAYS_TO_CHARGE[seed % len(WAYS_TO_CHARGE)]},
        )
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
        report.counts = ordeal.settle().counts
    report.broken = ordeal.broken
    return report


def _kill(ordeal: Ordeal, report: Report, draw: random.Random) -> None:
    """At one of the points that were met least often so far."""
    fewest = min(report.kills[point] for point in POINTS)
    point = draw.choice([point for point in POINTS if report.kills[point] == fewest])
    report.kills[point] += ordeal.die(point).was_killed


def _sleep(ordeal: Ordeal, report: Report, draw: random.Random, shift: Shift) -> None:
    """The process is stopped with requests under way and wakes up 25 hours later, by its own clock too, to die."""
    first, then = draw.choices(list(SERVER_POINTS), k=2)
    ordeal.hold(SERVER_POINTS[first])
    with ordeal.started() as process:
        if ordeal.is_held(process):
            process.send_signal(signal.SIGSTOP)
            # A server carries out what it has in the same minute, not a day later.
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


def shortfalls(reports: list[Report], kills: int, in_each_point: int) -> list[str]:
    """Why the reports prove less than was asked for."""
    hits: Counter[str] = Counter()
    for report in reports:
        hits += report.kills
    few = [f"{point} was hit {hits[point]} times" for point in POINTS if hits[point] < in_each_point]
    total = hits.total()
    return few + ([] if total >= kills else [f"only {total} of {kills} kills hit a living process"])
