"""The allowed imports between packages and rooms."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import backoff
import pytest

from tests.support.plugins import ROOT

# Package or room → the ones that it may import; docs/architecture.md shows the same. A room is a folder of a package;
# rooms are listed from the top down and import only downwards. Modules beside the rooms may import all of them.
PACKAGES = {
    "stripe_flow": set[str](),
    "stripe_flow_sandbox": set[str](),
    "tap_records": set[str](),
    "tap_stripe_flow": {"stripe_flow"},
    "target_stripe_flow": {"stripe_flow"},
    "stripe_flow_cli": {"stripe_flow", "stripe_flow_sandbox", "tap_stripe_flow", "target_stripe_flow"},
}
ROOMS = {
    "stripe_flow.singer": {"stripe_flow.api"},
    "stripe_flow.api": set[str](),
    "tap_stripe_flow.capture": {f"tap_stripe_flow.{name}" for name in ("windows", "listing", "streams")},
    "tap_stripe_flow.windows": {"tap_stripe_flow.listing"},
    "tap_stripe_flow.streams": {"tap_stripe_flow.listing"},
    "tap_stripe_flow.listing": set[str](),
    "target_stripe_flow.recovery": {
        f"target_stripe_flow.{name}" for name in ("execution", "actions", "journal", "attempts", "results")
    },
    "target_stripe_flow.execution": {
        f"target_stripe_flow.{name}" for name in ("actions", "journal", "attempts", "results")
    },
    "target_stripe_flow.actions": {"target_stripe_flow.attempts", "target_stripe_flow.results"},
    "target_stripe_flow.journal": {"target_stripe_flow.attempts"},
    "target_stripe_flow.attempts": {"target_stripe_flow.results"},
    "target_stripe_flow.results": set[str](),
}
# Package or room → libraries that it must not import.
FOREIGN = {
    "stripe_flow.api": {"singer_sdk", "sqlalchemy"},
    "stripe_flow_sandbox": {"singer_sdk", "sqlalchemy", "requests", "stripe"},
    "stripe_flow_cli.report": {"singer_sdk", "requests", "stripe"},
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
    """Full names of all imports in a module, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def name_of(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def arrows(package: str) -> set[tuple[str, str]]:
    """From each module of a package to each module of ours that it imports."""
    ours = {name_of(module) for each in PACKAGES for module in modules(each)}
    found = set()
    for module in modules(package):
        for name in imported(module):
            other = next((each for each in (name, name.rpartition(".")[0]) if each in ours), None)
            if other is not None and other != name_of(module):
                found.add((name_of(module), other))
    return found


def is_in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.promise("release", "Packages import only along the arrows of docs/architecture.md")
@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_along_the_arrows(package: str) -> None:
    used = {other.partition(".")[0] for _, other in arrows(package)}

    assert used - {package} <= PACKAGES[package]


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_the_rooms_below_them(room: str) -> None:
    """Nor do they import the modules beside the rooms."""
    package = room.partition(".")[0]
    inside = {other for one, other in arrows(package) if is_in(one, room) and is_in(other, package)}

    assert not {other for other in inside if not any(is_in(other, each) for each in {room, *ROOMS[room]})}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_imports_itself_by_way_of_others(package: str) -> None:
    """Folders and the files beside them have levels, at each depth."""
    for depth in range(2, 5):
        graph: dict[str, set[str]] = {}
        for one, other in arrows(package):
            rooms = [".".join(name.split(".")[:depth]) for name in (one, other)]
            if rooms[0] != rooms[1] and is_in(other, package):
                graph.setdefault(rooms[0], set()).add(rooms[1])

        TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("room", FOREIGN)
def test_rooms_do_not_import_foreign_libraries(room: str) -> None:
    used = {name.split(".")[0] for module in modules(room) for name in imported(module)}

    assert not used & FOREIGN[room]


@pytest.mark.parametrize("room", PACKAGES)
def test_modules_and_functions_keep_their_size_limits(room: str) -> None:
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


def test_backoff_is_the_maintained_package() -> None:
    # `backoff` and `python-backoff` own the same files; the one installed last wins.
    assert hasattr(backoff, "retry_context")
