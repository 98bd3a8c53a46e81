"""The runs of a whole account: every stream, with as many objects of each kind."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tap_stripe_flow.streams import STREAMS
from tests.benchmarks.runs import Runs, slow_down
from tests.support.sandbox import Sandbox

LATENCY_MS = 100
AT_MOST_S = 180
SETTINGS = {"max_requests_per_second": 20, "max_requests_per_second_total": 80, "customers_mode": "list"}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Seconds of whole runs: the first one, an idle one, and an idle one under `capture: changes`."""

    first_s: float
    idle_s: float
    idle_changes_s: float


def shops(rounds: int, furnished: int) -> list[Shop]:
    """Round by round, each with a first run of its own. Raises Unmeasured."""
    with Sandbox("--seed", "1", "--furnish", str(furnished)) as sandbox, tempfile.TemporaryDirectory() as folder:
        slow_down(sandbox, LATENCY_MS)
        changes = _runs(sandbox, Path(folder) / "changes", capture="changes")
        changes.settle()
        return [_shop(_runs(sandbox, Path(folder) / str(number)), changes) for number in range(rounds)]


def _shop(new: Runs, changes: Runs) -> Shop:
    first = new.settle()
    return Shop(first_s=first.seconds, idle_s=new.tick().seconds, idle_changes_s=changes.tick().seconds)


def _runs(sandbox: Sandbox, folder: Path, **settings: object) -> Runs:
    names = [spec.name for spec in STREAMS]
    return Runs(sandbox, folder, {**SETTINGS, **settings}, names, at_most_s=AT_MOST_S)
