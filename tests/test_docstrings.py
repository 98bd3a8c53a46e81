"""Every public class and function of the rooms that others build on says what it is, and which errors it raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.plugins import ROOT

ROOMS = (
    "stripe_flow/api",
    "target_stripe_flow/attempts",
    "target_stripe_flow/actions",
    "target_stripe_flow/journal",
    "tap_stripe_flow/windows",
    "tap_stripe_flow/streams",
)
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Public(NamedTuple):
    name: str
    node: Definition
    owner: ast.ClassDef | None


def public(body: list[ast.stmt], prefix: str, owner: ast.ClassDef | None = None) -> Iterator[Public]:
    """Every public definition, those inside public classes included."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield Public(f"{prefix}.{node.name}", node, owner)
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}.{node.name}", node)


def documented() -> Iterator[Public]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from public(ast.parse(path.read_text(encoding="utf-8")).body, _module(path))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


EVERY = list(documented())
# What a base class or a protocol of these rooms documents already.
PROMISED = {
    each.node.name for each in EVERY if each.owner is not None and each.owner.bases and ast.get_docstring(each.node)
}


def is_trivial(each: Public) -> bool:
    """A method of one statement, or one that fulfils what a documented method of its name promises."""
    node = each.node
    if each.owner is None or isinstance(node, ast.ClassDef):
        return False
    return len(node.body) == 1 or node.name in PROMISED


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)
def test_a_public_definition_says_what_it_is(each: Public) -> None:
    assert ast.get_docstring(each.node) or is_trivial(each)


def raised(node: ast.AST) -> Iterator[str]:
    """The classes that a function raises itself, not those of functions inside it."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call) and isinstance(inner.exc.func, ast.Name):
            yield inner.exc.func.id
        yield from raised(inner)


RAISING = [each for each in EVERY if not isinstance(each.node, ast.ClassDef) and any(raised(each.node))]


@pytest.mark.parametrize("each", RAISING, ids=lambda each: each.name)
def test_a_public_function_names_the_errors_that_it_raises(each: Public) -> None:
    owner = (ast.get_docstring(each.owner) or "") if each.owner is not None else ""
    said = f"{ast.get_docstring(each.node) or ''} {owner}"

    named = {name for name in raised(each.node) if name[0].isupper() and name != "AssertionError"}
    assert named <= set(re.findall(r"\w+", said)), said
