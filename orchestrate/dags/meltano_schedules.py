"""A DAG for each schedule of meltano.yml, and where it reads Stripe another one that fills in the past.

See docs/scale.md. Airflow needs MELTANO_PROJECT_ROOT, a pool, and where they differ the other names that stand there.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import stripe_flow_runs as runs
from airflow.sdk import DAG, Param, get_current_context, task

PROJECT = runs.Project.from_env(os.environ)
BEGINNING = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
# A worker that died is missed after Airflow's task_instance_heartbeat_timeout, five minutes unless it is told.
TRIES_AGAIN = {
    "retries": 5,
    "retry_delay": dt.timedelta(seconds=float(os.environ.get("STRIPE_FLOW_RETRY_AFTER_S", "60"))),
}
# One for all that speaks to Stripe: so ticks and slices of one account are never more at once than its slots.
POOLED = {"pool": os.environ.get("STRIPE_FLOW_POOL", "stripe_flow")}


def runs_of(schedule: runs.Schedule) -> Any:  # Any: Airflow's
    @task(map_index_template="{{ run_name }}")
    def run(order: dict[str, Any]) -> None:
        context = get_current_context()
        context["run_name"] = order["name"]
        runs.run(PROJECT, schedule, order, again=context["ti"].try_number > 1)

    return run


def ticks(schedule: runs.Schedule) -> DAG:
    """What is new, for each account, or of each part; a tick never overtakes the one before it."""
    with DAG(
        dag_id=f"meltano__{schedule.name}",
        schedule=schedule.cron,
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        default_args=TRIES_AGAIN | POOLED,
        tags=["meltano"],
    ) as dag:
        runs_of(schedule).expand(order=runs.ticks(PROJECT, schedule))
    return dag


def backfill(schedule: runs.Schedule) -> DAG:
    """The past from `start` up to `end`, in slices of about as much work each."""
    with DAG(
        dag_id=f"meltano__{schedule.name}__backfill",
        schedule=None,
        start_date=BEGINNING,
        max_active_runs=1,
        default_args=TRIES_AGAIN | POOLED,
        params={
            "start": Param("2020-01-01", type="string", description="From this moment on (ISO 8601)."),
            "end": Param("", type="string", description="Up to this moment; empty: all that is settled."),
            "slices_per_worker": Param(
                8, type="integer", minimum=1, description="More of them end more evenly; each costs the start of a run."
            ),
        },
        tags=["meltano", "backfill"],
    ) as dag:

        @task
        def plan() -> list[dict[str, Any]]:
            asked = get_current_context()["params"]
            per_worker = asked["slices_per_worker"]
            return runs.slices(PROJECT, schedule, start=asked["start"], end=asked["end"], per_worker=per_worker)

        runs_of(schedule).expand(order=plan())
    return dag


for _schedule in runs.schedules(PROJECT):
    globals()[f"meltano__{_schedule.name}"] = ticks(_schedule)
    if _schedule.taps:
        globals()[f"meltano__{_schedule.name}__backfill"] = backfill(_schedule)
