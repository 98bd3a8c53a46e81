"""The licences of all dependencies allow passing them on."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from scripts.generate_licences import is_permissive, packages
from tests.support.plugins import ROOT

LISTED = {
    package: (licence, reason)
    for package, licence, reason in re.findall(
        r"^\| ([\w-]+) \| (.*) \| (.*)\|$", (ROOT / "docs" / "licences.md").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def test_the_licences_are_those_of_the_installed_packages() -> None:
    done = subprocess.run([sys.executable, "-m", "scripts.generate_licences", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0, "run python -m scripts.generate_licences"


@pytest.mark.promise("release", "Every installed package's licence permits redistribution")
@pytest.mark.parametrize("package", packages())
def test_a_dependency_has_a_permissive_licence_or_a_reason(package: str) -> None:
    licence, reason = LISTED[package]

    assert is_permissive(licence) or reason


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("MIT OR AFL-2.1", True),
        ("GPL-3.0-only OR MIT AND BSD-3-Clause", True),
        ("MPL-2.0", False),
        ("MIT AND GPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("", False),
    ],
)
def test_a_licence_expression_is_permissive_if_one_of_its_choices_is(expression: str, *, permissive: bool) -> None:
    assert is_permissive(expression) is permissive
