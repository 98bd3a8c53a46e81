"""The README quotes each of its five failures as the plugins print it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.plugins import ROOT, Ended, a_config, a_record, a_schema, command, run, run_tap, run_target
from tests.support.sandbox import PLATFORM, Sandbox

ROWS = [a_schema("customers"), a_record("customers", id=1, name="Ada")]
TABLE = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## When it fails\n")[2].partition("\n## ")[0]
QUOTES = [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| (`[^|]*) \|", TABLE, re.MULTILINE)]


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    reader = {"account": PLATFORM, "rights": {"customer": "read"}}
    keys.write_text(json.dumps({"keys": {Sandbox.key: {"account": PLATFORM}, "rk_test_reader": reader}}))
    with Sandbox("--keys", str(keys)) as running:
        yield running


def a_wrong_or_missing_key(url: str, folder: Path) -> list[Ended]:
    return [run_tap(folder, a_config(url, api_key=key)) for key in ("sk_test_wrong000", "")]


def a_missing_permission(url: str, folder: Path) -> list[Ended]:
    return [run_tap(folder, a_config(url, api_key="rk_test_reader"))]


def a_variable_that_meltano_drops(url: str, folder: Path) -> list[Ended]:
    line = command("target_stripe_flow", folder, a_config(url))
    return [run(line, folder, MELTANO_LOADER_NAME="target-stripe-flow", TARGET_STRIPE_FLOW_ACCOUNT_ID="acct_1")]


def another_source_name(url: str, folder: Path) -> list[Ended]:
    run_target(folder, a_config(url, source_name="shop"), ROWS)
    return [run_target(folder, a_config(url, source_name="other"), ROWS)]


def a_live_key(url: str, folder: Path) -> list[Ended]:
    live = a_config(url, api_key="sk_live_sandbox")
    return [run_target(folder, each, ROWS) for each in (live, live | {"allow_live": True})]


FAILURES = (
    a_wrong_or_missing_key,
    a_missing_permission,
    a_variable_that_meltano_drops,
    another_source_name,
    a_live_key,
)


@pytest.mark.parametrize(
    ("quotes", "fail"),
    [pytest.param(*each, id=each[1].__name__) for each in zip(QUOTES, FAILURES, strict=True)],
)
def test_a_failure_is_quoted_as_it_is_printed(
    quotes: list[str], fail: Callable[[str, Path], list[Ended]], restricted: Sandbox, tmp_path: Path
) -> None:
    for quote, done in zip(quotes, fail(restricted.url, tmp_path), strict=True):
        pattern = ".*".join(map(re.escape, quote.split("…")))
        assert done.code
        assert re.search(pattern, done.log), (quote, done.log)
