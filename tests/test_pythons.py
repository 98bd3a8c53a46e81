"""All files name the same Python versions, and the locks have the packages that each of them needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.plugins import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXTRAS = {"requirements.lock": ["postgres"], "requirements-dev.lock": ["postgres", "sandbox"]}


def jobs(path: Path) -> dict[str, dict[str, Any]]:  # Any: YAML
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def pinned(lock: str, python: str) -> dict[str, Requirement]:
    """Package → requirement that the lock installs on Linux."""
    where = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    lines = re.findall(r"^[a-z0-9].*?(?= *\\$)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    pins = [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate(where)]
    assert len({pin.name for pin in pins}) == len(pins)
    return {pin.name: pin for pin in pins}


def wanted(lock: str) -> list[Requirement]:
    """The requirements of pyproject.toml that the lock must cover."""
    project = PROJECT["project"]
    wanted_texts = [
        *project["dependencies"],
        *(each for name in EXTRAS[lock] for each in project["optional-dependencies"][name]),
    ]
    return [Requirement(each) for each in wanted_texts + (PROJECT["dependency-groups"]["dev"] if "dev" in lock else [])]


def test_metadata_makefile_and_ci_name_the_same_pythons() -> None:
    classified = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if "Python :: 3." in each]
    made = re.search(r"^PYTHONS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    tried = [
        job["strategy"]["matrix"]["python"] for path in WORKFLOWS for job in jobs(path).values() if "strategy" in job
    ]

    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"
    assert classified == PYTHONS
    assert made is not None
    assert made[1].split() == PYTHONS
    assert tried == [PYTHONS] * len(tried)
    assert tried


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_has_what_each_python_needs(lock: str, python: str) -> None:
    pins = pinned(lock, python)

    for need in wanted(lock):
        (specifier,) = pins[canonicalize_name(need.name)].specifier
        assert need.specifier.contains(specifier.version), need


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    used = re.findall(r"uses: ([^.].+)", path.read_text(encoding="utf-8"))

    assert used
    assert not [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)]


def test_a_release_is_published_only_after_its_tests() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")

    assert release["test"]["uses"] == "./.github/workflows/test.yml"
    assert (release["dist"]["needs"], release["publish"]["needs"]) == ("test", "dist")
    assert any("make dist" in step.get("run", "") for step in release["dist"]["steps"])


def test_only_the_publishing_job_has_an_identity_token() -> None:
    permissions = {name: job.get("permissions") for path in WORKFLOWS for name, job in jobs(path).items()}

    assert {name: granted for name, granted in permissions.items() if granted} == {"publish": {"id-token": "write"}}
