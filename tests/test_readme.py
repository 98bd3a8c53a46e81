"""The README is short; it and CONTRIBUTING.md name what exists."""

from __future__ import annotations

import re

import pytest

from tests.support.plugins import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TARGETS = sorted({*re.findall(r"(?:^|`)make ([a-z-]+)", README + CONTRIBUTING, re.MULTILINE)})
MOST_CHARACTERS = 12_000


def test_the_readme_is_short() -> None:
    assert len(README) <= MOST_CHARACTERS


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
