"""Each DAG runs to its end in a real Airflow, and does the work of its schedule."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.scale.airflow import Airflow
from tests.scale.conftest import PARTED
from tests.scale.rows import PARTS
from tests.scale.warehouse import BACKFILL, TICKS, at_stripe, in_warehouse, written_as_jsonl
from tests.support.sandbox import Sandbox

# Each slice takes a start of Meltano.
FEW = '{"start": "2010-01-01", "slices_per_worker": 2}'
DUCKS, ROWS = "meltano__new-charges-and-refunds-every-10m", "meltano__rows-to-stripe-every-10m"


def test_there_is_a_dag_for_each_schedule_and_one_for_each_past(airflow: Airflow) -> None:
    listed = airflow.did("dags", "list", "--output", "json")

    for name in (TICKS, BACKFILL, DUCKS, f"{DUCKS}__backfill", ROWS, f"meltano__{PARTED}"):
        assert f'"{name}"' in listed
    assert f"{ROWS}__backfill" not in listed


WRONG = """
schedules:
- {name: good, interval: '@daily', job: ours}
- {name: Täglich neu, interval: '@daily', job: ours}
- {name: often, interval: 'every day', job: ours}
- {name: never, interval: '61 * * * *', job: ours}
- {name: good__backfill, interval: '@daily', job: ours}
- {name: good, interval: '@hourly', job: ours}
- {name: lost, interval: '@daily', job: nowhere}
- {name: parts, interval: '@daily', job: ours, env: {STRIPE_FLOW_PARTS: '{"north": '}}
- {name: last, interval: '@once', job: ours}
jobs: [{name: ours, tasks: [tap-stripe-flow target-jsonl]}]
"""
FAULTS = ("Täglich neu", "often", "never", "good__backfill", "good", "lost", "parts")


def test_a_wrong_schedule_is_among_the_import_errors_and_the_others_have_their_dags(
    deployed: Airflow, tmp_path: Path
) -> None:
    (tmp_path / "meltano.yml").write_text(WRONG, encoding="utf-8")
    # A local listing does not put the folder of the DAGs on Python's path, as Airflow's services do.
    folder = deployed.settings["AIRFLOW__CORE__DAGS_FOLDER"]
    here = deployed.with_settings(MELTANO_PROJECT_ROOT=str(tmp_path), PYTHONPATH=folder)

    listed = here.run("dags", "list", "--local", "--output", "json").stdout
    errors = here.run("dags", "list-import-errors", "--local", "--output", "json").stdout

    names = {each["dag_id"] for each in json.loads(listed[listed.index("[{") :])}
    made = ("good", "good__backfill", "good__backfill__backfill", "last", "last__backfill")
    assert names == {f"meltano__{name}" for name in made}
    [error] = json.loads(errors[errors.index("[{") :])
    for name in FAULTS:
        assert f"schedule {name}: " in error["error"]


def test_a_tick_reads_each_account(airflow: Airflow, world: Sandbox) -> None:
    airflow.did("dags", "test", TICKS)

    assert in_warehouse(airflow) == Counter(at_stripe(world))


def test_a_backfill_reads_each_object_once(airflow: Airflow, world: Sandbox) -> None:
    settled = at_stripe(world, world.clock() - 600)

    airflow.did("dags", "test", BACKFILL, "--conf", FEW)

    found = in_warehouse(airflow)
    assert set(found.values()) == {1}
    assert settled <= set(found) <= at_stripe(world)


def test_a_job_of_two_loaders_fills_both(airflow: Airflow, world: Sandbox) -> None:
    """Neither takes two writers, and `dags test` runs one task after another."""
    settled = at_stripe(world, world.clock() - 600)

    airflow.did("dags", "test", f"{DUCKS}__backfill", "--conf", FEW)

    found = written_as_jsonl(airflow)
    assert set(found.values()) == {1}
    assert settled <= set(found) <= at_stripe(world)


def test_a_tick_of_two_loaders_fills_both(airflow: Airflow, world: Sandbox) -> None:
    airflow.did("dags", "test", DUCKS)

    assert written_as_jsonl(airflow) == Counter(at_stripe(world))


def test_rows_become_objects_once(airflow: Airflow, shop: Sandbox) -> None:
    for _ in range(2):
        airflow.did("dags", "test", ROWS)

    assert Counter(each["name"] for each in shop.objects("product"))["Shirt"] == 1


def test_parts_that_overlap_become_objects_once(airflow: Airflow, shop: Sandbox) -> None:
    before = {each["id"] for each in shop.objects("charge")}

    airflow.did("dags", "test", f"meltano__{PARTED}")

    made = Counter(each["description"] for each in shop.objects("charge") if each["id"] not in before)
    assert made == Counter(PARTS.orders)
