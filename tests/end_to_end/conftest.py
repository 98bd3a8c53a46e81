"""A fresh copy of this repository as a Meltano project, installed once for all workers and used by one at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # used in two lines
import pytest
from filelock import FileLock

from scripts.run_docs import copy_repository
from tests.support.plugins import clean_env

# All processes of a test inherit it, so that leftover ones can be found.
MARK = "STRIPE_FLOW_TEST_RUN"
BIN = Path(sys.executable).parent


@dataclass
class Project:
    """A copy of the repository, with its plugins installed in Meltano's own environments."""

    root: Path
    home: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def env(self, **more: str) -> dict[str, str]:
        """Give the test its own state and output."""
        own = {
            MARK: self.mark,
            "MELTANO_DATABASE_URI": f"sqlite:///{self.home / 'meltano.db'}",
            "TARGET_JSONL_DESTINATION_PATH": str(self.home),
            "TARGET_DUCKDB_FILEPATH": str(self.home / "warehouse.duckdb"),
            "TARGET_STRIPE_FLOW_JOURNAL_URL": f"sqlite:///{self.home / 'journal.db'}",
            "TARGET_STRIPE_FLOW_REJECTS_PATH": str(self.home / "rejects.jsonl"),
            "STRIPE_API_KEY": "sk_test_sandbox",
        }
        return clean_env(**(own | more))

    def meltano(self, *arguments: str, url: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run Meltano to its end, with both plugins pointed at `url`."""
        urls = {"TAP_STRIPE_FLOW_BASE_URL": url, "TARGET_STRIPE_FLOW_BASE_URL": url} if url else {}
        return subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=self.root,
            env=self.env(**urls, **env),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def left_over(self) -> list[str]:
        """The names of processes that this test started and that still run."""
        return [found.name() for found in psutil.process_iter() if _has_mark(found, self.mark)]


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark)
    except (psutil.Error, OSError):
        return False


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of a run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture
def project(shared_folder: Path, tmp_path: Path) -> Iterator[Project]:
    """The project, for this test alone: Meltano's run folders have fixed names."""
    root = shared_folder / "project"
    with FileLock(shared_folder / "project.lock"):
        if not (root / ".installed").exists():
            shutil.rmtree(root, ignore_errors=True)
            copy_repository(root)
            installed = Project(root, tmp_path).meltano("install")
            assert installed.returncode == 0, installed.stderr
            (root / ".installed").touch()
        yield Project(root, tmp_path)
