"""The runs of a tick and of a backfill: their environments, states and requests per second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.slices.planner import PlannedRun
from tests.support.plugins import ROOT, clean_env

NAMES = st.lists(st.integers(min_value=1, max_value=10**6).map("acct_{}".format), min_size=1, max_size=50, unique=True)
TAP, TARGET = "TAP_STRIPE_FLOW", "TARGET_STRIPE_FLOW"


def a_project(runs: ModuleType, **env: object) -> Any:  # Any: of a module that has no name for mypy
    variables = {f"STRIPE_FLOW_{name.upper()}": str(value) for name, value in env.items()}
    return runs.Project.from_env({"MELTANO_PROJECT_ROOT": "/project"} | variables)


def a_schedule(runs: ModuleType, *plugins: str, **env: str) -> Any:  # Any: see a_project
    return runs.Schedule(name="tick", cron="*/10 * * * *", job="job", plugins=plugins, env=env)


def accounts_of(order: dict[str, Any]) -> list[str]:
    return list(json.loads(order["env"][f"{TAP}_ACCOUNT_IDS"]))


def test_each_account_has_a_run_of_its_own_at_a_slot_s_share_of_its_rate(runs: ModuleType) -> None:
    project = a_project(runs, accounts="acct_a, acct_b", workers=3)

    orders = runs.ticks(project, a_schedule(runs, "tap-stripe-flow", "target-postgres"))

    assert [(each["suffix"], accounts_of(each)) for each in orders] == [("acct_a", ["acct_a"]), ("acct_b", ["acct_b"])]
    assert {each["env"][f"{TAP}_RUNS_AT_ONCE"] for each in orders} == {"3"}


@given(accounts=NAMES, groups=st.integers(min_value=1, max_value=9))
def test_groups_hold_each_account_once(runs: ModuleType, accounts: list[str], groups: int) -> None:
    project = a_project(runs, accounts=",".join(accounts), groups=groups)

    orders = runs.ticks(project, a_schedule(runs, "tap-stripe-flow", "target-postgres"))

    assert len(orders) <= groups
    assert len({each["suffix"] for each in orders}) == len(orders)
    assert sorted(account for each in orders for account in accounts_of(each)) == sorted(accounts)


@given(accounts=NAMES, removed=st.data())
def test_adding_or_removing_an_account_keeps_the_state_of_the_others(
    runs: ModuleType, accounts: list[str], removed: st.DataObject
) -> None:
    left = [each for each in accounts if each != removed.draw(st.sampled_from(accounts))]

    def suffixes(present: list[str]) -> dict[str, str]:
        orders = runs.ticks(a_project(runs, accounts=",".join(present), groups=4), a_schedule(runs, "tap-stripe-flow"))
        return {
            account: each["suffix"]
            for each in orders
            if f"{TAP}_ACCOUNT_IDS" in each["env"]
            for account in accounts_of(each)
        }

    assert suffixes(left).items() <= suffixes(accounts).items()


def test_parts_share_the_rate_of_what_they_write_into(runs: ModuleType) -> None:
    parts = {name: {"TAP_RECORDS_FILES": f"[{name}]"} for name in ("north", "south")}
    schedule = a_schedule(runs, "tap-records", "target-stripe-flow", STRIPE_FLOW_PARTS=json.dumps(parts))

    orders = runs.ticks(a_project(runs, workers=5), schedule)

    assert [(each["suffix"], each["env"]["TAP_RECORDS_FILES"]) for each in orders] == [
        ("north", "[north]"),
        ("south", "[south]"),
    ]
    assert {each["env"][f"{TARGET}_RUNS_AT_ONCE"] for each in orders} == {"2"}


def test_a_connection_of_the_tap_is_configured_under_its_own_name(runs: ModuleType) -> None:
    [order] = runs.ticks(a_project(runs, accounts="acct_a"), a_schedule(runs, "tap-stripe-flow--eu", "target-jsonl"))

    assert order["env"]["TAP_STRIPE_FLOW__EU_ACCOUNT_IDS"] == '["acct_a"]'


@pytest.mark.parametrize("name", ["STRIPE_FLOW_GROUPS", "STRIPE_FLOW_WORKERS"])
def test_a_number_that_is_none_is_named(name: str, runs: ModuleType) -> None:
    for text in ("four", "-1", "1.5"):
        with pytest.raises(ValueError, match=f"{name} is '{text}'"):
            runs.Project.from_env({"MELTANO_PROJECT_ROOT": "project", name: text})
    left_empty = runs.Project.from_env({"MELTANO_PROJECT_ROOT": "project", name: ""})
    assert (left_empty.groups, left_empty.workers) == (0, 4)


# In Meltano's place: it writes down its environment and the folders that it sees, and plans one slice.
STAND_IN = """\
#!{python}
import json, os, pathlib, sys
folders = {{each.name: each.is_dir() for each in pathlib.Path(os.environ.get("MELTANO_SYS_DIR_ROOT", ".")).iterdir()}}
with open("calls", "a") as calls:
    print(json.dumps({{"line": sys.argv[1:], "env": dict(os.environ), "folders": folders}}), file=calls)
times = {{"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"}}
print(json.dumps([{{"account": None, "runs_at_once": 1, "capture": "new", **times}}]))
"""


@pytest.fixture
def stand_in(runs: ModuleType, tmp_path: Path) -> Any:  # Any: see a_project
    """A project whose Meltano is the one above."""
    script = tmp_path / "meltano"
    script.write_text(STAND_IN.format(python=sys.executable))
    script.chmod(0o700)
    return runs.Project.from_env({"MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO_BIN": str(script)})


def calls(project: Any) -> list[dict[str, Any]]:  # Any: see a_project, and JSON
    return [json.loads(line) for line in (project.root / "calls").read_text().splitlines()]


def sliced(runs: ModuleType, project: Any, schedule: Any) -> list[dict[str, Any]]:  # Any: see a_project
    return list(runs.slices(project, schedule, start="2026-01-01", end="2026-02-01", per_worker=1))


@pytest.mark.promise("meltano", "A backfill is planned and read with the schedule's environment")
def test_slices_are_planned_with_the_schedule_s_environment(
    runs: ModuleType, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{TAP}_API_KEY", "sk_test_of_airflow")
    env = {f"{TAP}_API_KEY": "sk_test_of_eu", f"{TAP}_START_DATE": "2001-01-01"}

    orders = sliced(runs, stand_in, a_schedule(runs, "tap-stripe-flow", "target-jsonl", **env))

    [planned] = calls(stand_in)
    assert planned["line"][:4] == ["--environment", "prod", "invoke", "tap-stripe-flow:slices"]
    assert planned["env"][f"{TAP}_API_KEY"] == "sk_test_of_eu"
    # The backfill's own times count.
    assert planned["env"][f"{TAP}_START_DATE"] == "2026-01-01"
    # Two schedules that read different accounts never share the state of a slice.
    assert [each["suffix"] for each in orders] == ["tick-20260101T000000Z-20260201T000000Z"]


def test_slices_of_parts_are_planned_and_run_with_the_environment_of_each(runs: ModuleType, stand_in: Any) -> None:
    parts = {name: {f"{TAP}_API_KEY": f"sk_test_of_{name}"} for name in ("eu", "us")}
    schedule = a_schedule(runs, "tap-stripe-flow", "target-jsonl", STRIPE_FLOW_PARTS=json.dumps(parts))

    orders = sliced(runs, stand_in, schedule)
    for order in orders:
        runs.run(stand_in, schedule, order)

    assert [each["env"][f"{TAP}_API_KEY"] for each in calls(stand_in)] == ["sk_test_of_eu", "sk_test_of_us"] * 2
    assert len({each["suffix"] for each in orders}) == 2
    # Airflow keeps the plan in its database.
    assert "sk_test" not in json.dumps(orders)


def test_a_run_finds_every_kind_of_installed_plugin_in_its_own_system_folder(runs: ModuleType, stand_in: Any) -> None:
    installed = {"extractors", "loaders", "mappers"}
    for kind in installed:
        (stand_in.root / ".meltano" / kind / "venv").mkdir(parents=True)
    schedule = a_schedule(runs, "tap-stripe-flow", "mask", "target-jsonl")

    runs.run(stand_in, schedule, runs.ticks(stand_in, schedule)[0])

    [call] = calls(stand_in)
    # No folder is a link to nothing: Meltano could not make it when it needs it.
    assert call["folders"] == dict.fromkeys(installed, True)


def test_meltano_does_not_outlive_the_task_that_runs_it(tmp_path: Path) -> None:
    """A killed worker cannot end the processes that it has started."""
    (tmp_path / "meltano.yml").write_text("{}")
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    stand_in = tmp_path / "sleeps"
    stand_in.write_text(f"#!/bin/sh\nexec 9>{alive}\necho up >&9\nsleep 20 9>&-\necho over >&9\n")
    stand_in.chmod(0o700)
    code = (
        "import sys; sys.path.insert(0, 'orchestrate/dags'); import stripe_flow_runs as runs;"
        "project = runs.Project.from_env({'MELTANO_PROJECT_ROOT': sys.argv[1], 'MELTANO_BIN': sys.argv[2]});"
        "schedule = runs.Schedule(name='tick', cron=None, job='job', plugins=[]);"
        "runs.run(project, schedule, runs.ticks(project, schedule)[0])"
    )
    line = [sys.executable, "-c", code, str(tmp_path), str(stand_in)]

    with subprocess.Popen(line, cwd=ROOT, env=clean_env()) as task, alive.open() as pipe:
        assert pipe.readline() == "up\n"
        task.kill()
        rest = pipe.read()  # returns when no process has the other end open any more

    assert rest == ""


def test_a_slice_runs_with_the_settings_of_its_plan(runs: ModuleType, tmp_path: Path) -> None:
    """Also with `capture: new`, whatever the schedule captures."""
    planned = PlannedRun(
        account="acct_a",
        start_date="2026-01-01T00:00:00Z",
        end_date="2026-02-01T00:00:00Z",
        runs_at_once=3,
        objects=7,
        requests_per_second=6.667,
    )
    meltano = tmp_path / "meltano"
    meltano.write_text(f"#!/bin/sh\necho '{json.dumps([asdict(planned)])}'\n")
    meltano.chmod(0o700)
    project = runs.Project.from_env({"MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO_BIN": str(meltano)})
    schedule = a_schedule(runs, "tap-stripe-flow", **{f"{TAP}_CAPTURE": "changes"})

    [order] = runs.slices(project, schedule, start=planned.start_date, end=planned.end_date, per_worker=1)

    assert order["env"] == {
        f"{TAP}_ACCOUNT_IDS": '["acct_a"]',
        f"{TAP}_START_DATE": planned.start_date,
        f"{TAP}_END_DATE": planned.end_date,
        f"{TAP}_RUNS_AT_ONCE": "3",
        f"{TAP}_CAPTURE": "new",
    }
