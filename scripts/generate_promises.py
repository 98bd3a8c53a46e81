"""The tables of docs/promises.md, from the marks at the tests: `@pytest.mark.promise(GROUP, SENTENCE)`.

Tests are read as text, never imported. A new promise is a mark at the test that proves it.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MARK = "pytest.mark.promise"
# Marks of tests that `make test` leaves out, and of modules of them.
VOLUME = "pytest.mark.volume"
WHOLE_VOLUME = f"\npytestmark = {VOLUME}\n"

# Part of the page → group of a mark → what is promised.
GROUPS = {
    "The tap": {
        "tap 1": "A run that is killed or fails loses no object",
        "tap 2": "An object that Stripe shows late is read",
        "tap 3": "No object is emitted twice with `capture: new`",
        "tap 4": "With `capture: changes`, objects that changed or were deleted are emitted again",
        "tap 5": "A list is read to its end",
        "tap 6": "Requests keep to the configured rate",
        "tap 7": "Memory and state do not grow with the account",
        "tap 8": "A failure stops one stream, account or parent only",
        "tap 9": "Records are Stripe's JSON, and the catalog says which members they have",
        "tap 10": "A signal ends the run on a whole line",
    },
    "The target": {
        "target 1": "One record creates at most one object",
        "target 2": "A setting or key that would change a record's identity stops the run or rejects the record",
        "target 3": "Every record ends with exactly one status",
        "target 4": "Each request is in the journal before it is sent",
        "target 5": "The target finds out what happened to an open request before it sends anything again",
        "target 6": "Each object carries a marker, and runs check it until it is final",
        "target 7": "A wrong record is rejected alone, and trouble with the account stops the run",
        "target 8": "A missing or misspelled field never moves more money than the record says",
        "target 9": "A changed record updates its object, and never moves money twice",
        "target 10": "A live key needs `allow_live`, a dry run changes nothing, and a lost journal stops the run",
        "target 11": "A setting that does not arrive or is misspelled is reported",
        "target 12": "Records that depend on each other keep their order",
        "target 13": "A reference finds its object, or its record is rejected",
        "target 14": "No key, card number or personal data is shown or left open to others",
        "workers": "Several workers may share one journal",
        "stripe": "Requests are those of Stripe's description and official client",
    },
    "tap-records": {"rows": "Rows of CSV and JSONL files keep their values"},
    "Commands and messages": {"commands": "Commands do what their help says, and a mistake is one clear line"},
    "Meltano and Airflow": {"meltano": "The documented projects, recipes and schedules work as written"},
    "The sandbox": {"sandbox": "The sandbox's answers match Stripe's description"},
    "Docs, code and release": {"release": "The release is complete, and can be built again"},
}
HEADINGS = {group: text for groups in GROUPS.values() for group, text in groups.items()}


@dataclass(frozen=True, order=True)
class Promise:
    """One mark. `file` is relative to the repository."""

    file: str
    line: int
    test: str
    group: str
    sentence: str
    draws_cases: bool = False
    is_volume: bool = False


def promises(folder: Path = ROOT / "tests") -> list[Promise]:
    """The marks of all tests, by file and line."""
    return sorted(each for path in folder.rglob("test_*.py") for each in _marked(path, folder.parent))


def _marked(path: Path, root: Path) -> Iterator[Promise]:
    text = path.read_text(encoding="utf-8")
    if MARK not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef):
            continue
        is_volume = WHOLE_VOLUME in text or VOLUME in map(ast.unparse, node.decorator_list)
        calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
        draws_cases = any(ast.unparse(each.func) == "given" for each in calls)
        for call in calls:
            if ast.unparse(call.func) == MARK:
                group, sentence = map(ast.literal_eval, call.args)
                file = path.relative_to(root).as_posix()
                yield Promise(file, call.lineno, node.name, group, sentence, draws_cases, is_volume)


def tables() -> list[str]:
    """Each group as a heading and a table of its sentences and tests."""
    marks = promises()
    lines: list[str] = []
    for part, groups in GROUPS.items():
        lines += [f"## {part}", ""]
        for group, text in groups.items():
            lines += [f"### {text}", "", "| | test |", "|---|---|", *_rows(marks, group), ""]
    return lines


def _rows(marks: list[Promise], group: str) -> Iterator[str]:
    """A row for each sentence; tests with the same sentence share it."""
    chosen = sorted((each for each in marks if each.group == group), key=attrgetter("sentence"))
    rows = [list(tests) for _, tests in itertools.groupby(chosen, key=attrgetter("sentence"))]
    for tests in sorted(rows):
        notes = " (property)" if any(each.draws_cases for each in tests) else ""
        notes += " (volume)" if all(each.is_volume for each in tests) else ""
        names = ", ".join(f"`{each.file}::{each.test}`" for each in tests)
        yield f"| {tests[0].sentence}{notes} | {names} |"
