"""The runs of a tick, and the requests per second of each. Only the schedules are read through Meltano."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.conftest import BIN
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


def test_a_schedule_in_a_file_that_meltano_yml_includes_is_noticed(runs: ModuleType, tmp_path: Path) -> None:
    for name in ("meltano.yml", "orchestrate"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, tmp_path / name)
    included = tmp_path / "more.meltano.yml"
    included.write_text("{}")
    whole = (tmp_path / "meltano.yml").read_text()
    (tmp_path / "meltano.yml").write_text(f"include_paths: ['./*.meltano.yml']\n{whole}")
    project = runs.Project.from_env({"MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO_BIN": str(BIN / "meltano")})

    before = [each.name for each in runs.schedules(project)]
    included.write_text("schedules: [{name: nightly, interval: '@daily', job: rows-to-stripe}]")
    after = [each.name for each in runs.schedules(project)]

    assert set(after) == {*before, "nightly"}


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
