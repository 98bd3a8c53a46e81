"""No message depends on today's date: a library that knows when a Python ends adds no line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clock_shift import DAY_S, build, compiler, shifted
from tests.support.needs import missing
from tests.support.plugins import clean_env

COMMANDS = [
    ["tap_stripe_flow", "--config", "config.json"],
    ["target_stripe_flow", "--config", "config.json"],
    ["tap_records", "--config", "config.json"],
    ["stripe_flow_cli", "doctor", "--plugin", "tap", "--config", "config.json"],
    ["stripe_flow_cli", "slices", "--config", "config.json"],
]
# Each Python of today has ended by then.
YEARS = 12


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if compiler() is None:
        missing("it takes Linux and a C compiler")
    return build(tmp_path_factory.mktemp("clock"))


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_years_from_now_a_command_prints_the_same_as_today(line: list[str], library: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"no_such_setting": 1}')

    today, later = (
        subprocess.run(
            [sys.executable, "-m", *line],
            cwd=tmp_path,
            env=clean_env(**shifted(library, years * 365 * DAY_S)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for years in (0, YEARS)
    )

    assert later.returncode == today.returncode != 0
    assert len(later.stderr.splitlines()) == len(today.stderr.splitlines())
    assert later.stdout == today.stdout
    assert "end of life" not in later.stderr
