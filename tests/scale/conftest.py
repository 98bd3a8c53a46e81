"""A real Airflow in an environment of its own, over a Meltano project with a warehouse on PostgreSQL.

`make test-scale` installs it and says where: AIRFLOW_BIN. Not among the tests of `make test`.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import BIN, copy_repository
from tests.support.plugins import clean_env
from tests.support.postgres import Postgres
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

ACCOUNTS = [PLATFORM, CONNECTED]
# `dags test` runs one task after another: the fewer slices the better.
WORKERS = 1


@dataclass(frozen=True, kw_only=True)
class Airflow:
    """Its command line, and the surroundings in which its tasks run."""

    root: Path
    home: Path
    settings: dict[str, str]

    def env(self) -> dict[str, str]:
        return clean_env(**self.settings)

    def run(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """To the end."""
        return subprocess.run(
            [Path(os.environ["AIRFLOW_BIN"]), *arguments],
            cwd=self.home,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Two accounts, one ten times as large as the other."""
    past = {PLATFORM: {"charges": 5000, "days": 60}, CONNECTED: {"charges": 500, "days": 5}}
    path = tmp_path_factory.mktemp("scale") / "keys.json"
    path.write_text(json.dumps({"accounts": past, "keys": {Sandbox.key: {"account": PLATFORM}}}))
    with Sandbox("--keys", str(path), "--seed", "5") as running:
        yield running


@pytest.fixture(scope="session")
def meltano_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository with the warehouse's loader, installed."""
    root = tmp_path_factory.mktemp("project")
    copy_repository(root)
    text = (root / "meltano.yml").read_text(encoding="utf-8")
    # The journal that workers share is on PostgreSQL.
    plain = "namespace: target_stripe_flow\n    pip_url: -e .\n"
    text = text.replace(plain, plain.replace("-e .", "-e .[postgres]"))
    (root / "meltano.yml").write_text(f"include_paths: [./orchestrate/postgres.meltano.yml]\n{text}", encoding="utf-8")
    done = subprocess.run(
        [BIN / "meltano", "install"],
        cwd=root,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def airflow(meltano_project: Path, world: Sandbox, postgres: Postgres, tmp_path: Path) -> Airflow:
    """One with nothing in it, and an empty warehouse."""
    warehouse = f"warehouse_{uuid.uuid4().hex[:12]}"
    settings = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(meltano_project / "orchestrate" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(WORKERS),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
        "MELTANO_PROJECT_ROOT": str(meltano_project),
        "MELTANO_BIN": str(BIN / "meltano"),
        "MELTANO_ENVIRONMENT": "dev",
        "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path / 'meltano.db'}",
        "STRIPE_FLOW_ACCOUNTS": ",".join(ACCOUNTS),
        "STRIPE_FLOW_WORKERS": str(WORKERS),
        "STRIPE_API_KEY": Sandbox.key,
        "TAP_STRIPE_FLOW_BASE_URL": world.url,
        "TARGET_STRIPE_FLOW_BASE_URL": world.url,
        "TARGET_STRIPE_FLOW_JOURNAL_URL": postgres.database(),
        "TARGET_STRIPE_FLOW_REJECTS_PATH": str(tmp_path / "rejects.jsonl"),
        "TARGET_JSONL_DESTINATION_PATH": str(tmp_path),
        "TARGET_DUCKDB_FILEPATH": str(tmp_path / "warehouse.duckdb"),
        "WAREHOUSE_URL": postgres.database(),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": warehouse,
    }
    (tmp_path / "airflow").mkdir()
    made = Airflow(root=meltano_project, home=tmp_path / "airflow", settings=settings)
    for told in (("db", "migrate"), ("dags", "reserialize")):
        done = made.run(*told)
        assert done.returncode == 0, done.stdout + done.stderr
    return made
