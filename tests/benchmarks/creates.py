"""How much of its pace the target uses for creates."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.benchmarks.plugins import ended_well
from tests.support.plugins import Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

PACE_PER_S = 50.0


def shares_of_the_pace(rounds: int, rows: int) -> list[float]:
    """Creates per second as shares of the pace, without the time of a run that has nothing to do."""
    return [_share(rows) for _ in range(rounds)]


def _share(rows: int) -> float:
    records = [a_record("customers", id=number, name="Ann") for number in range(rows)]
    with Sandbox() as empty, tempfile.TemporaryDirectory() as folder:
        idle_s = _seconds(Path(folder), empty, [])
        took_s = _seconds(Path(folder), empty, [a_schema("customers"), *records])
    return rows / (took_s - idle_s) / PACE_PER_S


def _seconds(folder: Path, sandbox: Sandbox, lines: list[Message]) -> float:
    config = a_config(sandbox.url, max_requests_per_second=PACE_PER_S, max_requests_per_second_total=PACE_PER_S)
    started = time.perf_counter()
    ended_well(run_target(folder, config, lines))
    return time.perf_counter() - started
