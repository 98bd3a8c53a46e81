"""The sdist and the wheel, as `make dist` builds and tries them in a fresh copy."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from scripts.run_docs import copy_repository, known_files
from scripts.smoke import PACKAGES, UV
from tests.support.plugins import ROOT, clean_env

pytestmark = pytest.mark.volume

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"stripe_flow-{PROJECT['version']}"
DIST_S = 600


@dataclass(frozen=True)
class Dist:
    """The built files, and the result of trying them."""

    source: Path
    code: int
    output: str

    @property
    def sdist(self) -> Path:
        return self.source / "dist" / f"{NAME}.tar.gz"

    @property
    def wheel(self) -> Path:
        return self.source / "dist" / f"{NAME}-py3-none-any.whl"


@pytest.fixture
def dist(shared_folder: Path) -> Dist:
    """Built and tried once for all workers."""
    source, ended = shared_folder / "source", shared_folder / "dist.json"
    with FileLock(shared_folder / "dist.lock"):
        if not ended.exists():
            copy_repository(source)
            command = [sys.executable, "-m", "scripts.dist"]
            done = subprocess.run(
                command, cwd=source, env=clean_env(), capture_output=True, text=True, timeout=DIST_S, check=False
            )
            ended.write_text(json.dumps([done.returncode, done.stdout + done.stderr]), encoding="utf-8")
    return Dist(source, *json.loads(ended.read_text(encoding="utf-8")))


@pytest.mark.promise("release", "The wheel works with its lock alone: commands, a read, a creation")
def test_the_wheel_works_without_the_repository(dist: Dist) -> None:
    assert dist.code == 0, dist.output
    assert f"On Python {platform.python_version()}, beside requirements.lock" in dist.output
    assert "tap-stripe-flow: read 20 charges" in dist.output
    assert "target-stripe-flow: created a customer" in dist.output


def test_the_wheel_holds_the_packages_whole_and_nothing_else(dist: Dist) -> None:
    with zipfile.ZipFile(dist.wheel) as archive:
        held = {name for name in archive.namelist() if not name.startswith(f"{NAME}.dist-info/")}

    assert held == {name for name in known_files() if name.split("/")[0] in PACKAGES}


def test_the_wheel_carries_its_licences(dist: Dist) -> None:
    with zipfile.ZipFile(dist.wheel) as archive:
        for name in ("LICENSE", "NOTICE"):
            assert archive.read(f"{NAME}.dist-info/licenses/{name}") == (ROOT / name).read_bytes()


def test_every_package_is_typed(dist: Dist) -> None:
    with zipfile.ZipFile(dist.wheel) as archive:
        assert {f"{package}/py.typed" for package in PACKAGES} <= {*archive.namelist()}


def test_the_sdist_is_the_repository(dist: Dist) -> None:
    with tarfile.open(dist.sdist) as archive:
        held = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}

    assert held == {*known_files(), "PKG-INFO"}


@pytest.mark.promise("release", "A build on another day gives the same bytes")
def test_another_day_builds_the_same_bytes(dist: Dist, tmp_path: Path) -> None:
    copy_repository(tmp_path / "source")
    for name in known_files():
        os.utime(tmp_path / "source" / name, (1_000_000_000, 1_000_000_000))

    subprocess.run([UV, "build", "--quiet", "--sdist", "--wheel", tmp_path / "source"], env=clean_env(), check=True)

    for built in (dist.sdist, dist.wheel):
        assert (tmp_path / "source" / "dist" / built.name).read_bytes() == built.read_bytes()
