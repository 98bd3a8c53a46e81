"""The page in a real browser: on telephones and desktops, in light and dark mode, and for screen readers.

Needs chromium, node and `npm ci` in tests/browser (`make test` runs that one). Where one of them is missing these tests
are skipped with a message; with STRIPE_FLOW_NO_SKIPS set, as in CI, they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from stripe_flow_cli.report import figures, page
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.opening import open_journal, open_read_only
from tests.stripe_flow_cli.report.journals import NOW, an_attempt, attempts
from tests.support.needs import missing
from tests.support.plugins import ROOT, clean_env

pytestmark = pytest.mark.volume

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOLDER = ROOT / "tests" / "browser"
LIFE_S = 240
# Search words, and how many rows they must match on the page of everything.
SEARCHES = {"parked": 9, "PARKED usd": 2, "insufficient_funds": 2, "for the moon": 0}


@dataclass(frozen=True, kw_only=True)
class Browsed:
    """The output of `visit.js`: `visits` by colour scheme and width, and the `use` of the search."""

    visits: list[dict[str, Any]]  # Any: JSON
    use: dict[str, Any]  # Any: JSON


def everything() -> Iterator[Attempt]:
    """Every state, 20 more refused attempts, and very long words."""
    yield from attempts(1200, done_of=12)
    long = an_attempt(5_000, State.DECLINED, source_name="warehouse_" * 8, decline_code="a_code_" * 12)
    yield replace(long, amount=999_999_999_999, currency="idr")
    yield from (an_attempt(number, State.REFUSED) for number in range(6_000, 6_020))


def nothing() -> Iterator[Attempt]:
    yield from ()


PAGES = {"of everything": everything, "of nothing": nothing}


@pytest.fixture(scope="module", params=PAGES)
def browsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Browsed:
    folder = tmp_path_factory.mktemp("report")
    rows = list(PAGES[request.param]())
    with open_journal(folder / "journal.db") as journal:
        journal.add(rows)
    return visit(write_page(folder))


def write_page(folder: Path) -> Path:
    with open_read_only(folder / "journal.db") as journal:
        query = figures.Query(filters={}, rejects_path=folder / "none.jsonl", now_unix=NOW)
        text = page.render(figures.read_report(journal, query))
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def visit(path: Path) -> Browsed:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    node = shutil.which("node")
    if browser is None or node is None or not (FOLDER / "node_modules").is_dir():
        missing(f"no {BROWSERS[0]}, node or tests/browser/node_modules here: the report was NOT tested in a browser")
    with subprocess.Popen(
        [node, str(FOLDER / "visit.js"), browser, str(path)],
        env=clean_env(WORDS="|".join(SEARCHES)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=LIFE_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, errors
    return Browsed(**json.loads(output))


def test_the_page_opens_without_errors_and_loads_nothing(browsed: Browsed) -> None:
    assert [view["errors"] for view in browsed.visits] == [[]] * 4
    assert browsed.use["errors"] == []
    assert browsed.use["requests"] == ["file"]


def test_it_fits_a_telephone(browsed: Browsed) -> None:
    assert {view["size"] for view in browsed.visits} == {"phone", "desk"}
    assert [(view["overflow"], view["unfolded"]) for view in browsed.visits] == [(0, 0)] * 4


@pytest.mark.promise("commands", "A report fits a phone screen and is readable in light and dark")
def test_everybody_can_read_it_in_light_and_in_dark(browsed: Browsed) -> None:
    assert len({view["background"] for view in browsed.visits}) == 2, "dark mode has a background of its own"
    assert [fault for view in browsed.visits for fault in view["violations"]] == []


@pytest.mark.parametrize("browsed", ["of everything"], indirect=True)
def test_a_search_filters_rows_and_counts_them(browsed: Browsed) -> None:
    found = {words: search["rows"] for words, search in browsed.use["searches"].items()}

    assert found == SEARCHES
    assert browsed.use["searches"]["parked"]["said"] == "9 of 121 rows"
    assert browsed.use["after"] == browsed.use["before"], "an empty search shows all rows"


@pytest.mark.parametrize("browsed", ["of everything"], indirect=True)
def test_long_lists_are_folded_until_a_click(browsed: Browsed) -> None:
    assert browsed.use["before"] < browsed.use["unfolded"] < browsed.use["plain"]


@pytest.mark.parametrize("browsed", ["of everything"], indirect=True)
def test_without_scripts_all_rows_are_visible_and_no_button_is(browsed: Browsed) -> None:
    assert (browsed.use["plain"], browsed.use["idle"]) == (121, 0)


def test_without_a_browser_the_tests_skip_or_fail_where_skips_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    monkeypatch.delenv("STRIPE_FLOW_NO_SKIPS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT tested"):
        visit(tmp_path)
    monkeypatch.setenv("STRIPE_FLOW_NO_SKIPS", "1")
    with pytest.raises(pytest.fail.Exception, match="NOT tested"):
        visit(tmp_path)
