"""The tap is killed again and again; `make torture` does the same hundreds of times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kills.tap.ordeal import run_ordeal

KILLS = 30


@pytest.mark.volume
@pytest.mark.promise(
    "tap 1",
    "60 kills (SIGKILL) beside live traffic lose nothing and repeat at most one window; `make torture` does 500",
)
@pytest.mark.parametrize("seed", [101, 102])
def test_no_kill_loses_an_object_or_repeats_more_than_a_window(seed: int, tmp_path: Path) -> None:
    outcome = run_ordeal(tmp_path, seed=seed, kills=KILLS)

    print(outcome)
    assert outcome.shortfalls(KILLS) == []
    assert outcome.verdict.sentences() == []
