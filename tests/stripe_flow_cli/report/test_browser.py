"""The page in a real browser: on a telephone and on a desk, in light and in dark, and for whoever cannot see it.

It needs chromium, node and `npm ci` in tests/browser (`make test` does that one). Where one of them is missing these
tests are skipped, and say so; with STRIPE_FLOW_NO_SKIPS set, as in CI, they fail.
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

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOLDER = ROOT / "tests" / "browser"
LIFE_S = 240
# Words that are searched for, and how many rows they must find on the page of everything.
SEARCHES = {"parked": 9, "PARKED usd": 2, "insufficient_funds": 2, "for the moon": 0}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What `look.js` has met: `looks` by light and dark and width, and the `use` of the search."""

    looks: list[dict[str, Any]]  # Any: JSON
    use: dict[str, Any]  # Any: JSON


def everything() -> Iterator[Attempt]:
    """Every state, twenty parked ones more, and the longest words that may come."""
    yield from attempts(1200, done_of=12)
    long = an_attempt(5_000, State.DECLINED, source_name="warehouse_" * 8, decline_code="a_code_" * 12)
    yield replace(long, amount=999_999_999_999, currency="idr")
    yield from (an_attempt(number, State.REFUSED) for number in range(6_000, 6_020))


def nothing() -> Iterator[Attempt]:
    yield from ()


PAGES = {"of everything": everything, "of nothing": nothing}


@pytest.fixture(scope="module", params=PAGES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("report")
    rows = list(PAGES[request.param]())
    with open_journal(folder / "journal.db") as journal:
        journal.add(rows)
    return look_at(written(folder))


def written(folder: Path) -> Path:
    with open_read_only(folder / "journal.db") as journal:
        asked = figures.Asked(among={}, rejects_path=folder / "none.jsonl", now_unix=NOW)
        text = page.render(figures.read(journal, asked))
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def look_at(path: Path) -> Seen:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    node = shutil.which("node")
    if browser is None or node is None or not (FOLDER / "node_modules").is_dir():
        missing(f"no {BROWSERS[0]}, node or tests/browser/node_modules here: the report was NOT looked at in a browser")
    with subprocess.Popen(
        [node, str(FOLDER / "look.js"), browser, str(path)],
        env=clean_env(WORDS="|".join(SEARCHES)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as looking:
        try:
            told, errors = looking.communicate(timeout=LIFE_S)
        finally:
            if looking.poll() is None:
                os.killpg(looking.pid, signal.SIGKILL)
    assert looking.returncode == 0, errors
    return Seen(**json.loads(told))


def test_it_opens_without_an_error_and_asks_for_nothing(seen: Seen) -> None:
    assert [look["errors"] for look in seen.looks] == [[]] * 4
    assert seen.use["errors"] == []
    assert seen.use["requests"] == ["file"]


def test_it_fits_a_telephone(seen: Seen) -> None:
    assert {look["size"] for look in seen.looks} == {"phone", "desk"}
    assert [(look["overflow"], look["unfolded"]) for look in seen.looks] == [(0, 0)] * 4


def test_everybody_can_read_it_in_light_and_in_dark(seen: Seen) -> None:
    assert len({look["background"] for look in seen.looks}) == 2, "dark is dark"
    assert [fault for look in seen.looks for fault in look["violations"]] == []


@pytest.mark.parametrize("seen", ["of everything"], indirect=True)
def test_a_search_finds_rows_and_says_how_many(seen: Seen) -> None:
    found = {words: search["rows"] for words, search in seen.use["searches"].items()}

    assert found == SEARCHES
    assert seen.use["searches"]["parked"]["said"] == "9 of 121 rows"
    assert seen.use["after"] == seen.use["before"], "an empty search is none"


@pytest.mark.parametrize("seen", ["of everything"], indirect=True)
def test_long_lists_are_folded_until_they_are_asked_for(seen: Seen) -> None:
    assert seen.use["before"] < seen.use["unfolded"] < seen.use["plain"]


@pytest.mark.parametrize("seen", ["of everything"], indirect=True)
def test_without_scripts_every_row_is_there_and_nothing_that_does_nothing(seen: Seen) -> None:
    assert (seen.use["plain"], seen.use["idle"]) == (121, 0)


def test_a_missing_browser_is_said_and_fails_where_nothing_may_be_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    monkeypatch.delenv("STRIPE_FLOW_NO_SKIPS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT looked at"):
        look_at(tmp_path)
    monkeypatch.setenv("STRIPE_FLOW_NO_SKIPS", "1")
    with pytest.raises(pytest.fail.Exception, match="NOT looked at"):
        look_at(tmp_path)
