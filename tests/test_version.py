"""The version is in pyproject.toml, and everything else has the same."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.dist import check_tag
from scripts.smoke import Broken
from stripe_flow.api.message import USER_AGENT
from tests.support.plugins import ROOT, run

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PLUGINS = ("tap_records", "tap_stripe_flow", "target_stripe_flow")
HEADINGS = re.findall(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("module", ["stripe_flow_cli", *PLUGINS])
def test_each_command_prints_the_version(module: str, tmp_path: Path) -> None:
    printed = run([sys.executable, "-m", module, "--version"], tmp_path).output

    assert re.search(rf"\bv?{re.escape(VERSION)}\b", printed), printed


@pytest.mark.parametrize("module", PLUGINS)
def test_about_names_the_version_of_each_plugin(module: str, tmp_path: Path) -> None:
    about = json.loads(run([sys.executable, "-m", module, "--about", "--format=json"], tmp_path).output)

    assert about["version"] == VERSION


def test_requests_to_stripe_carry_the_version() -> None:
    assert f"stripe-flow/{VERSION}" == USER_AGENT


def test_the_version_is_the_changelogs_newest_or_the_one_that_comes_next() -> None:
    unreleased, *released = HEADINGS if HEADINGS[0] == "Unreleased" else ["", *HEADINGS]
    newest = max(map(Version, released), default=None)

    assert newest is None or newest <= Version(VERSION)
    assert unreleased or newest == Version(VERSION)


def test_no_module_has_a_version_of_its_own() -> None:
    packages = ("stripe_flow", *PLUGINS)
    modules = [module for package in packages for module in (ROOT / package).rglob("*.py")]
    said = re.compile(rf"__version__|stripe-flow/\d|[\"']{re.escape(VERSION)}[\"']")

    assert not [module for module in modules if said.search(module.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("tag", "heading", "wrong"),
    [("v1.2.3", "[1.2.3] - 2027-01-01", None), ("v1.2", "[1.2.3]", "not v1.2.3"), ("v1.2.3", "[1.2.31]", "no heading")],
)
def test_a_tag_is_published_only_with_its_version_and_changelog_entry(
    tag: str, heading: str, wrong: str | None
) -> None:
    with pytest.raises(Broken, match=wrong) if wrong else contextlib.nullcontext():
        check_tag(tag, "1.2.3", f"# Changelog\n\n## {heading}\n")
