"""The plugins' definitions for Meltano Hub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import Project
from tests.support.plugins import ROOT

FILES = sorted((ROOT / "hub").glob("*/*.yml"))
PROJECT = "venv: {backend: uv}\nsend_anonymous_usage_stats: false\ncli:\n  disable_version_check: true\n"
# The keys and kinds in the hub's schemas; the hub refuses others.
NEEDED = {"name", "namespace", "variant", "quality"}
KNOWN = NEEDED | {
    *(
        "label",
        "description",
        "definition",
        "docs",
        "repo",
        "domain_url",
        "logo_url",
        "pip_url",
        "executable",
        "python",
    ),
    *("capabilities", "settings", "settings_group_validation", "commands", "requires", "log_parser", "hidden"),
    *("maintenance_status", "keywords", "supported_python_versions"),
    *("prereq", "next_steps", "settings_preamble", "usage"),
}
SINGER = {"extractors": {"select", "metadata", "schema"}, "loaders": {"dialect", "target_schema"}}
KINDS = {"string", "integer", "decimal", "boolean", "array", "object", "options"}
OF_A_SETTING = {"name", "kind", "label", "description", "value", "options", "sensitive"}


def read(path: Path) -> dict[str, Any]:  # Any: YAML
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def test_the_hub_definitions_match_about() -> None:
    done = subprocess.run([sys.executable, "-m", "scripts.generate_hub", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0, "run python -m scripts.generate_hub"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_hub_definitions_use_only_known_keys(path: Path) -> None:
    definition = read(path)

    assert NEEDED <= definition.keys() <= KNOWN | SINGER[path.parent.name]
    assert {setting["kind"] for setting in definition["settings"]} <= KINDS
    assert {key for setting in definition["settings"] for key in setting} <= OF_A_SETTING


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_commands_are_those_of_the_example_project(path: Path) -> None:
    plugins = read(ROOT / "meltano.yml")["plugins"][path.parent.name]
    [example] = [each for each in plugins if each["name"] == path.stem]
    keys = ("executable", "args")

    assert read(path)["commands"] == {
        name: {key: command[key] for key in keys} for name, command in example["commands"].items()
    }


@pytest.mark.volume
@pytest.mark.promise("meltano", "Meltano accepts the hub definitions")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_meltano_adds_the_hub_definitions_to_an_empty_project(path: Path, tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / ".env").write_text(f"STRIPE_FLOW={ROOT}\n", encoding="utf-8")
    project, kind = Project(tmp_path, tmp_path), path.parent.name

    added = project.meltano("add", path.stem, "--from-ref", str(path))
    version = project.meltano("invoke", path.stem, "--version")
    command = project.meltano("invoke", f"{path.stem}:doctor", "--help")

    assert added.returncode == 0, added.stderr
    assert version.stdout.startswith(path.stem), version.stderr
    assert command.stdout.startswith("Usage: stripe-flow doctor"), command.stderr
    (taken,) = read(tmp_path / "meltano.yml")["plugins"][kind]
    definition = read(path)
    for key in ("namespace", "pip_url", "executable", "capabilities", "settings", "settings_group_validation"):
        assert taken[key] == definition[key], key
