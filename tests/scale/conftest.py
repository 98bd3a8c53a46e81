"""An Airflow over a Meltano project: two accounts to read, an empty one to write into, its databases on PostgreSQL.

`make test-scale` installs it and says where: AIRFLOW_BIN. Not among the tests of `make test`.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.run_docs import copy_repository
from tests.end_to_end.conftest import BIN
from tests.scale.airflow import SILENCE_S, Airflow
from tests.scale.rows import PARTS
from tests.support.plugins import clean_env
from tests.support.postgres import Postgres
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

ACCOUNTS = [PLATFORM, CONNECTED]
WORKERS = 2
POOL = "stripe_flow"
PARTED = "parts-to-stripe"

_PARTED = """
- name: {name}
  interval: '@once'
  job: rows-to-stripe
  env:
    STRIPE_FLOW_PARTS: {parts}
"""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Two accounts to read, one ten times as large as the other."""
    past = {PLATFORM: {"charges": 8000, "days": 60}, CONNECTED: {"charges": 800, "days": 5}}
    path = tmp_path_factory.mktemp("scale") / "keys.json"
    path.write_text(json.dumps({"accounts": past, "keys": {Sandbox.key: {"account": PLATFORM}}}))
    with Sandbox("--keys", str(path), "--seed", "5") as running:
        yield running


@pytest.fixture(scope="session")
def shop() -> Iterator[Sandbox]:
    """An account to write into."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def meltano_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed copy of this repository with the warehouse's loader and a schedule with parts."""
    root = tmp_path_factory.mktemp("project")
    copy_repository(root)
    text = (root / "meltano.yml").read_text(encoding="utf-8")
    # The journal that workers share is on PostgreSQL.
    plain = "namespace: target_stripe_flow\n    pip_url: -e .\n"
    text = text.replace(plain, plain.replace("-e .", "-e .[postgres]"))
    text += _PARTED.format(name=PARTED, parts=json.dumps(json.dumps(PARTS.write(root))))
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


@pytest.fixture(scope="session")
def deployed(
    meltano_project: Path,
    world: Sandbox,
    shop: Sandbox,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Airflow:
    """Airflow's database with all DAGs and the pool in it."""
    home = tmp_path_factory.mktemp("airflow")
    database = postgres.whole_database("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API_AUTH__JWT_SECRET": "one for all services of the tests, as long as it has to be. " * 2,
        "AIRFLOW__CORE__DAGS_FOLDER": str(meltano_project / "orchestrate" / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(2 * WORKERS),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://"),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(SILENCE_S),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "MELTANO_PROJECT_ROOT": str(meltano_project),
        "MELTANO_BIN": str(BIN / "meltano"),
        "MELTANO_ENVIRONMENT": "dev",
        "STRIPE_FLOW_ACCOUNTS": ",".join(ACCOUNTS),
        "STRIPE_FLOW_POOL": POOL,
        "STRIPE_FLOW_RETRY_AFTER_S": "5",
        "STRIPE_FLOW_WORKERS": str(WORKERS),
        "STRIPE_API_KEY": Sandbox.key,
        "TAP_STRIPE_FLOW_BASE_URL": world.url,
        "TARGET_STRIPE_FLOW_BASE_URL": shop.url,
        # Another worker takes over the rows of a dead one after twice this time.
        "TARGET_STRIPE_FLOW_TIMEOUT_S": "10",
    }
    made = Airflow(home=home, database=database, settings=settings)
    made.did("db", "migrate")
    made.did("pools", "set", POOL, str(WORKERS), "runs that call Stripe at once")
    made.did("dags", "reserialize")
    return made


@pytest.fixture
def airflow(deployed: Airflow, postgres: Postgres, tmp_path: Path) -> Iterator[Airflow]:
    """Airflow, with a warehouse, a journal and a state of the test's own."""
    own = f"of_{uuid.uuid4().hex[:12]}"
    mine = deployed.with_settings(
        MELTANO_DATABASE_URI=postgres.whole_database(own).replace("postgresql:", "postgresql+psycopg:"),
        TARGET_DUCKDB_FILEPATH=str(tmp_path / "warehouse.duckdb"),
        TARGET_JSONL_DESTINATION_PATH=str(tmp_path),
        TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=own,
        TARGET_STRIPE_FLOW_JOURNAL_URL=postgres.database(),
        # A source of its own: rows of other tests are other rows.
        TARGET_STRIPE_FLOW_SOURCE_NAME=own,
        TARGET_STRIPE_FLOW_REJECTS_PATH=str(tmp_path / "rejects.jsonl"),
        WAREHOUSE_URL=postgres.database(),
    )
    # The first command makes the tables; several at once would each try to.
    line = [str(BIN / "meltano"), "state", "list"]
    env = clean_env(**mine.settings)
    subprocess.run(line, cwd=mine.settings["MELTANO_PROJECT_ROOT"], env=env, check=True, capture_output=True)
    yield mine
    mine.rest()
