"""A DAG for each schedule of meltano.yml, and where it reads Stripe another one that fills in the past.

See docs/scale.md. Airflow needs MELTANO_PROJECT_ROOT, and where they differ MELTANO_BIN, MELTANO_ENVIRONMENT and
STRIPE_FLOW_ACCOUNTS.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import stripe_flow_runs as runs
from airflow.sdk import DAG, Param, get_current_context, task

PROJECT = runs.Project.from_env(os.environ)
BEGINNING = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
RETRIES, RETRY_AFTER = 3, dt.timedelta(minutes=1)
# How many accounts' ticks run at once, and how many slices of a past; one more worker does not read one account faster
# than Stripe allows.
WORKERS = int(os.environ.get("STRIPE_FLOW_WORKERS", "4"))


def runs_of(schedule: runs.Schedule) -> Any:  # Any: Airflow's
    @task(
        retries=RETRIES, retry_delay=RETRY_AFTER, max_active_tis_per_dagrun=WORKERS, map_index_template="{{ run_name }}"
    )
    def run(order: dict[str, Any]) -> None:
        get_current_context()["run_name"] = order["name"]
        runs.run(PROJECT, schedule, order)

    return run


def ticks(schedule: runs.Schedule) -> DAG:
    """What is new, for each account; a tick never overtakes the one before it."""
    with DAG(
        dag_id=f"meltano__{schedule.name}",
        schedule=schedule.cron,
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
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
        params={
            "start": Param("2020-01-01", type="string", description="From this moment on (ISO 8601)."),
            "end": Param("", type="string", description="Up to this moment; empty: all that is settled."),
        },
        tags=["meltano", "backfill"],
    ) as dag:

        @task(retries=RETRIES, retry_delay=RETRY_AFTER)
        def plan() -> list[dict[str, Any]]:
            asked = get_current_context()["params"]
            return runs.slices(PROJECT, schedule, start=asked["start"], end=asked["end"], workers=WORKERS)

        runs_of(schedule).expand(order=plan())
    return dag


for _schedule in runs.schedules(PROJECT):
    globals()[f"meltano__{_schedule.name}"] = ticks(_schedule)
    if _schedule.taps:
        globals()[f"meltano__{_schedule.name}__backfill"] = backfill(_schedule)
