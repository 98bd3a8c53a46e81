"""The DAGs of a Meltano project's schedules, and what is wrong with the schedules that have none."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from typing import Any

import stripe_flow_runs as runs
from airflow.sdk import DAG, Param, get_current_context, task

PROJECT = runs.Project.from_env(os.environ)
BEGINNING = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
# Airflow notices a dead worker after its task_instance_heartbeat_timeout, by default five minutes.
TRIES_AGAIN = {
    "retries": 5,
    "retry_delay": dt.timedelta(seconds=float(os.environ.get("STRIPE_FLOW_RETRY_AFTER_S", "60"))),
}
# One pool for all runs that call Stripe: no more ticks and slices than its slots run at once.
POOLED = {"pool": os.environ.get("STRIPE_FLOW_POOL", "stripe_flow")}


def runs_of(schedule: runs.Schedule) -> Any:  # Any: Airflow's
    @task(map_index_template="{{ run_name }}")
    def run(order: dict[str, Any]) -> None:
        context = get_current_context()
        context["run_name"] = order["name"]
        runs.run(PROJECT, schedule, order, again=context["ti"].try_number > 1)

    return run


def ticks(schedule: runs.Schedule) -> DAG:
    """The DAG that reads new records, one run for each account or part; ticks never overlap."""
    with DAG(
        dag_id=f"meltano__{schedule.name}",
        schedule=schedule.cron,
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        default_args=TRIES_AGAIN | POOLED,
        tags=["meltano"],
        auto_register=False,
    ) as dag:
        runs_of(schedule).expand(order=runs.ticks(PROJECT, schedule))
    return dag


def backfill(schedule: runs.Schedule) -> DAG:
    """The DAG that reads from `start` to `end` in slices of about equal work."""
    with DAG(
        dag_id=f"meltano__{schedule.name}__backfill",
        schedule=None,
        start_date=BEGINNING,
        max_active_runs=1,
        default_args=TRIES_AGAIN | POOLED,
        params={
            "start": Param("2020-01-01", type="string", description="Start of the backfill, in ISO 8601."),
            "end": Param(
                "", type="string", description="End of the backfill, in ISO 8601; empty: all settled records."
            ),
            "slices_per_worker": Param(
                8,
                type="integer",
                minimum=1,
                description="More slices share the work more evenly, and each costs the start of a run.",
            ),
        },
        tags=["meltano", "backfill"],
        auto_register=False,
    ) as dag:

        @task
        def plan() -> list[dict[str, Any]]:
            chosen = get_current_context()["params"]
            per_worker = chosen["slices_per_worker"]
            return runs.slices(PROJECT, schedule, start=chosen["start"], end=chosen["end"], per_worker=per_worker)

        runs_of(schedule).expand(order=plan())
    return dag


def made(schedules: Iterable[runs.Schedule]) -> tuple[dict[str, DAG], list[str]]:
    """The DAGs by their ids, and a sentence about each schedule for which Airflow refuses one."""
    found: dict[str, DAG] = {}
    faults = []
    for schedule in schedules:
        try:
            for dag in (ticks(schedule), *([backfill(schedule)] if schedule.taps else [])):
                dag.validate()
                if found.setdefault(dag.dag_id, dag) is not dag:
                    faults.append(f"schedule {schedule.name}: another schedule has the DAG {dag.dag_id}: rename one")
        except Exception as error:  # noqa: BLE001 -- whatever Airflow refuses of one schedule is that schedule's fault
            faults.append(f"schedule {schedule.name}: {error}")
    return found, faults
