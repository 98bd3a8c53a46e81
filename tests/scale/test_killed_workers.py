"""Workers are killed while they run: each record is read once, and each object is created once."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import psutil  # type: ignore[import-untyped]  # only a few attributes are used
import pytest

from tests.scale.airflow import RUN_S, Airflow, wait_until
from tests.scale.conftest import PARTED, WORKERS
from tests.scale.rows import PARTS
from tests.scale.warehouse import BACKFILL, TICKS, at_stripe, in_warehouse, is_done
from tests.scale.workers import Workers, celery, local
from tests.support.sandbox import Sandbox

KILLS, SLICES = 4, 8
# The number of requests before the held one, for each round.
SKIPS = (7, 2, 15, 4, 9, 1, 12, 5, 3, 8)
# https://docs.stripe.com/rate-limits
LIMIT = {"name": "limit", "action": {"kind": "rate_limit", "per_s": 25}}
READS = {"method": "GET", "path": "/v1/charges"}
WRITES = {"method": "POST", "path": "/v1/charges"}


def at_work(airflow: Airflow, plugin: str) -> list[psutil.Process]:
    """The plugin's processes in runs of this Airflow, without those that only discover."""
    found = []
    for process in psutil.process_iter():
        try:
            line, env = process.cmdline(), process.environ()
        except (psutil.Error, OSError):
            continue
        is_one = any(each.endswith(f"/{plugin}") for each in line[:2]) and "--discover" not in line
        if is_one and env.get("WAREHOUSE_URL") == airflow.settings["WAREHOUSE_URL"]:
            found.append(process)
    return found


def held(world: Sandbox, match: dict[str, str], at: str, skip: int) -> None:
    """Let `skip` requests pass, hold all later ones, and return when one is held."""
    hold = {"name": "hold", "match": match, "at": at, "skip": skip, "action": {"kind": "hold"}}
    world.faults(LIMIT, hold)
    wait_until(lambda: world.fault_state("hold")["waiting"], RUN_S, "a request to hold")


def kill_in_slices(airflow: Airflow, world: Sandbox, workers: Workers) -> list[tuple[str, str]]:
    """The slices whose workers were killed, each before its slice's last STATE, as (name, end)."""
    killed: list[tuple[str, str]] = []
    for skip in SKIPS:
        held(world, READS, "before_answer", skip)
        for tap in at_work(airflow, "tap-stripe-flow"):
            name, end = slice_of(tap)
            if end:
                workers.kill(tap)
                killed += [] if is_done(airflow, name, end) else [(name, end)]
        world.faults(LIMIT)
        if len(killed) >= KILLS:
            return killed
    raise AssertionError(f"only these workers were killed: {killed}")


def slice_of(tap: psutil.Process) -> tuple[str, str]:
    """The name and end of the slice that this process reads; a tick has no end."""
    env = tap.environ()
    [account] = json.loads(env["TAP_STRIPE_FLOW_ACCOUNT_IDS"])
    start, end = (env.get(f"TAP_STRIPE_FLOW_{name}_DATE", "") for name in ("START", "END"))
    return "-".join([account, *(each.translate(str.maketrans("", "", "-:")) for each in (start, end))]), end


def kill_writers(airflow: Airflow, shop: Sandbox, workers: Workers) -> int:
    """Kill the targets whose request is held before or after its execution; returns their number."""
    killed = 0
    for skip, at in zip(SKIPS, itertools.cycle(["after_execute", "before_execute"]), strict=False):
        held(shop, WRITES, at, skip)
        for target in at_work(airflow, "target-stripe-flow"):
            workers.kill(target)
            killed += 1
        shop.faults(LIMIT)
        if killed >= KILLS:
            break
    return killed


def most_at_once(tries: Iterable[tuple[Any, ...]]) -> int:  # Any: moments
    """The largest number of ended tries that ran at the same time."""
    moments = [(each[3], 1) for each in tries] + [(each[4], -1) for each in tries]
    return max(itertools.accumulate(step for _, step in sorted(moments)))


@pytest.mark.promise(
    "meltano",
    "A backfill in Airflow whose workers are killed reads each object once, with local and Celery executors",
)
@pytest.mark.parametrize("executor", [local, celery])
def test_a_backfill_reads_each_object_once(
    airflow: Airflow, world: Sandbox, executor: Callable[[Airflow], AbstractContextManager[Workers]]
) -> None:
    name = executor.__name__
    settled = at_stripe(world, world.clock() - 600)
    with executor(airflow) as workers:
        airflow.trigger(BACKFILL, f"{name}-past", start="2010-01-01")
        killed = kill_in_slices(airflow, world, workers)
        for tick in ("first", "second"):
            airflow.trigger(TICKS, f"{name}-{tick}")
        for run in ("past", "first", "second"):
            airflow.wait_for(f"{name}-{run}")

    found = in_warehouse(airflow)
    assert len(killed) >= KILLS
    assert all(is_done(airflow, name, end) for name, end in killed)
    assert found == Counter(at_stripe(world))
    assert settled <= set(found)
    past, first, second = (airflow.tries(f"{name}-{run}") for run in ("past", "first", "second"))
    assert len({index for index, *_ in past}) >= SLICES
    assert sum(attempt > 1 for _, attempt, *_ in past) >= KILLS
    assert max(end for *_, end in first) <= min(start for *_, start, _ in second)
    assert most_at_once(past + first + second) <= WORKERS
    assert [each for each in world.requests() if each["status"] == 429] == []
    assert "Run completed" in airflow.logs(f"{name}-past")


@pytest.mark.promise(
    "workers",
    "Airflow workers on one journal create one object for each row, also if workers are killed",
)
def test_parts_that_overlap_become_objects_once(airflow: Airflow, shop: Sandbox) -> None:
    before = {each["id"] for each in shop.objects("charge")}
    with local(airflow) as workers:
        airflow.trigger(f"meltano__{PARTED}", "parts")
        killed = kill_writers(airflow, shop, workers)
        airflow.wait_for("parts")

    made = Counter(each["description"] for each in shop.objects("charge") if each["id"] not in before)
    assert killed >= KILLS
    assert made == Counter(PARTS.orders)
    assert [each for each in shop.requests() if each["status"] == 429] == []
