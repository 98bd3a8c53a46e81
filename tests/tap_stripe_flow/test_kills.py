"""The tap is killed again and again; `make torture` does the same hundreds of times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kills.tap.ordeal import run_ordeal
from tests.support.selection import STREAMS_AT_ONCE

KILLS = 25


@pytest.mark.volume
@pytest.mark.promise(
    "tap 1",
    "75 kills (SIGKILL) beside live traffic lose nothing and repeat at most one window of each stream and account, "
    "with `streams_at_once` 1, 8 and 64; `make torture` does 500",
)
@pytest.mark.parametrize("streams_at_once", STREAMS_AT_ONCE)
def test_no_kill_loses_an_object_or_repeats_more_than_a_window(streams_at_once: int, tmp_path: Path) -> None:
    outcome = run_ordeal(tmp_path, seed=100 + streams_at_once, kills=KILLS, streams_at_once=[streams_at_once])

    print(outcome)
    assert outcome.shortfalls(KILLS) == []
    assert outcome.verdict.sentences() == []
