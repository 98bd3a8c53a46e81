"""Each DAG runs to its end in a real Airflow, and does what its schedule says."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.scale.conftest import ACCOUNTS, Airflow
from tests.support.postgres import asked
from tests.support.sandbox import Sandbox

TICKS = "meltano__stripe-to-postgres-every-10m"


def in_warehouse(airflow: Airflow) -> Counter[tuple[str, str]]:
    schema = airflow.settings["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"]
    rows = asked(airflow.settings["WAREHOUSE_URL"], f"SELECT _stripe_account, id FROM {schema}.charges")
    return Counter((str(account), str(charge)) for account, charge in rows)


def at_stripe(world: Sandbox, before: int | None = None) -> set[tuple[str, str]]:
    return {
        (account, each["id"])
        for account in ACCOUNTS
        for each in world.objects("charge", account)
        if before is None or each["created"] < before
    }


def test_there_is_a_dag_for_each_schedule_and_one_for_each_past(airflow: Airflow) -> None:
    done = airflow.run("dags", "list", "--output", "json")

    assert done.returncode == 0, done.stderr
    for name in (TICKS, f"{TICKS}__backfill", "meltano__rows-to-stripe-every-10m"):
        assert f'"{name}"' in done.stdout
    assert "rows-to-stripe-every-10m__backfill" not in done.stdout


def test_a_tick_reads_each_account(airflow: Airflow, world: Sandbox) -> None:
    for _ in range(2):
        done = airflow.run("dags", "test", TICKS)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    assert in_warehouse(airflow) == Counter(at_stripe(world))


def test_a_backfill_reads_each_object_once(airflow: Airflow, world: Sandbox) -> None:
    settled = at_stripe(world, world.clock() - 600)

    done = airflow.run("dags", "test", f"{TICKS}__backfill", "--conf", '{"start": "2010-01-01"}')

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = in_warehouse(airflow)
    assert set(found.values()) == {1}
    assert settled <= set(found) <= at_stripe(world)


def test_rows_become_objects_once(airflow: Airflow, world: Sandbox) -> None:
    for _ in range(2):
        done = airflow.run("dags", "test", "meltano__rows-to-stripe-every-10m")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    made = [each["name"] for each in world.objects("product")]
    assert Counter(made)["Shirt"] == 1


pytestmark = pytest.mark.filterwarnings("default")
