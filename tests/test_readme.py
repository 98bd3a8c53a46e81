"""The README and the page of promises claim nothing that no test proves."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.plugins import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROMISES = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README + PROMISES)
MOST_CHARACTERS = 12_000


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_promise_names_a_test_that_exists(path: str, name: str) -> None:
    functions = {
        node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)
    }

    assert name in functions


def test_many_promises_name_a_test() -> None:
    assert len(NAMED) >= 20


def test_the_readme_is_short() -> None:
    assert len(README) <= MOST_CHARACTERS


@pytest.mark.parametrize("target", re.findall(r"(?:^|`)make ([a-z-]+)", README + PROMISES, re.MULTILINE))
def test_a_make_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
