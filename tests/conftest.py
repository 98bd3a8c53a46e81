"""Fixtures for all tests: sandboxes over real HTTP, and a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.support import forking
from tests.support.plugins import ROOT
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox
from tests.support.selection import CHOICES, select

# They need Airflow, which has an environment of its own: `make test-scale` makes it, and says where it is.
collect_ignore = [] if "AIRFLOW_BIN" in os.environ else ["scale"]


def pytest_configure(config: pytest.Config) -> None:
    runs_tests = hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None)
    if runs_tests and not config.getoption("collectonly"):
        forking.prepare()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--volume", choices=CHOICES, default=CHOICES[0], help="see tests/support/selection.py")


# First, so that it sees all cases, whatever `-k` and `-m` leave out.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left_out = select(items, config.getoption("volume"))
    if left_out:
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty sandbox of the test's own."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def seeded_sandbox() -> Iterator[Sandbox]:
    """300 charges over the last 30 days, shared by a module's tests: read it, do not change it."""
    with Sandbox("--seed", "1", "--charges", "300", "--days", "30") as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a process; each takes a database of its own."""
    with Postgres() as running:
        yield running


@pytest.fixture(scope="session")
def runs() -> ModuleType:
    """What Airflow's workers call; it stands in a folder of DAGs, which is no package."""
    path = ROOT / "orchestrate" / "dags" / "stripe_flow_runs.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
