"""The arrows between the packages, and what must not be among them."""

from __future__ import annotations

import ast
from pathlib import Path

import backoff
import pytest

from tests.support.plugins import ROOT

# Who may import whom; the picture in the README says the same.
ARROWS = {
    "stripe_flow.api": set[str](),
    "stripe_flow.singer": {"stripe_flow.api"},
    "stripe_flow.sandbox": set[str](),
    "stripe_flow.report": {"stripe_flow.api", "target_stripe_flow"},
    "stripe_flow.cli": {
        *("stripe_flow.api", "stripe_flow.report", "stripe_flow.sandbox"),
        *("tap_stripe_flow", "target_stripe_flow"),
    },
    "tap_stripe_flow": {"stripe_flow.api", "stripe_flow.singer"},
    "target_stripe_flow": {"stripe_flow.api", "stripe_flow.singer"},
    "tap_records": set[str](),
}
# What a room must not know.
FOREIGN = {
    "stripe_flow.api": {"singer_sdk", "sqlalchemy"},
    "stripe_flow.sandbox": {"singer_sdk", "sqlalchemy", "requests", "stripe"},
    "stripe_flow.report": {"singer_sdk", "requests", "stripe"},
    "tap_records": {"requests", "stripe"},
    "tap_stripe_flow": {"requests", "stripe"},
    "target_stripe_flow": {"requests", "stripe"},
}
MOST_LINES, MOST_FUNCTION_LINES = 250, 45


def modules(room: str) -> list[Path]:
    found = sorted((ROOT / Path(*room.split("."))).rglob("*.py"))
    assert found
    return found


def imported(module: Path) -> set[str]:
    """Full names of all that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(name: str) -> set[str]:
    return {room for room in ARROWS if name == room or name.startswith(f"{room}.")}


@pytest.mark.parametrize("room", ARROWS)
def test_packages_import_only_along_the_arrows(room: str) -> None:
    used = {other for module in modules(room) for name in imported(module) for other in rooms_of(name)}

    assert used - {room} <= ARROWS[room]


@pytest.mark.parametrize("room", FOREIGN)
def test_rooms_do_not_know_what_is_not_theirs(room: str) -> None:
    used = {name.split(".")[0] for module in modules(room) for name in imported(module)}

    assert not used & FOREIGN[room]


@pytest.mark.parametrize("room", ARROWS)
def test_modules_and_functions_fit_in_the_head(room: str) -> None:
    for module in modules(room):
        text = module.read_text()
        long = [
            node.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES
        ]
        assert len(text.splitlines()) <= MOST_LINES, module
        assert not long, module


def test_backoff_is_the_package_that_is_still_kept() -> None:
    # `backoff` and `python-backoff` own the same files; whichever was installed last is there.
    assert hasattr(backoff, "retry_context")
