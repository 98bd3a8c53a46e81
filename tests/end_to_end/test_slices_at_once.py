"""Two slices of one past, read by two runs of one job at the same time in one Meltano project."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.end_to_end.conftest import BIN, Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.volume

AT_ONCE = 2


def with_an_output_of_its_own(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Output folders for one run: two runs cannot write into one of the job's loaders at once."""
    folder.mkdir()
    own = {"TARGET_JSONL_DESTINATION_PATH": str(folder), "TARGET_DUCKDB_FILEPATH": str(folder / "warehouse.duckdb")}
    return order | {"env": order["env"] | own}


def test_parallel_runs_have_a_folder_each_and_read_each_object_once(
    project: Project, seeded_sandbox: Sandbox, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings = project.env(
        MELTANO_PROJECT_ROOT=str(project.root),
        MELTANO_BIN=str(BIN / "meltano"),
        MELTANO_ENVIRONMENT="dev",
        STRIPE_FLOW_WORKERS="1",
        TAP_STRIPE_FLOW_BASE_URL=seeded_sandbox.url,
    )
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    known = runs.Project.from_env(surroundings)
    schedule = next(each for each in runs.schedules(known) if each.taps)
    settled = {
        each["id"] for each in seeded_sandbox.objects("charge") if each["created"] < seeded_sandbox.clock() - 600
    }

    planned = runs.slices(known, schedule, start="2010-01-01", end="", per_worker=8)
    middle = planned[len(planned) // 2]["env"]["TAP_STRIPE_FLOW_START_DATE"]
    early, late = planned[0], planned[-1]
    early["env"]["TAP_STRIPE_FLOW_END_DATE"] = late["env"]["TAP_STRIPE_FLOW_START_DATE"] = middle
    orders = [with_an_output_of_its_own(each, project.home / each["name"]) for each in (early, late)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda order: runs.run(known, schedule, order), orders))

    written = [(project.home / each["name"] / "charges.jsonl").read_text().splitlines() for each in orders]
    assert all(written)
    read = Counter(json.loads(line)["id"] for lines in written for line in lines)
    assert set(read) >= settled
    assert set(read.values()) == {1}
