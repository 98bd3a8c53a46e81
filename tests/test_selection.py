"""What `make test` leaves out, `make test-volume` runs: together they run each case once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.support.plugins import ROOT, clean_env
from tests.support.selection import CHOICES, MOST_CASES, sizes

FILE = "tests/test_selection.py"


@pytest.fixture(scope="module")
def collected() -> dict[str, Sequence[str]]:
    """The cases of this file that a run collects, by its option."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider", FILE]
    outputs = {
        volume: subprocess.run(
            [*command, "--volume", volume],
            cwd=ROOT, env=clean_env(), check=True, capture_output=True, text=True, timeout=60,
        ).stdout
        for volume in CHOICES
    }  # fmt: skip
    return {volume: [line for line in output.splitlines() if "::" in line] for volume, output in outputs.items()}


def test_each_case_is_in_one_of_the_two_runs(collected: dict[str, Sequence[str]]) -> None:
    without, only, everything = (collected[volume] for volume in CHOICES)

    assert sorted([*without, *only]) == sorted(everything)
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("number", range(MOST_CASES + 4))
def test_a_run_without_the_volume_has_a_few_cases_of_a_test(number: int, collected: dict[str, Sequence[str]]) -> None:
    cases = [name for name in collected["without"] if "a_few_cases_of_a_test" in name]

    assert f"{FILE}::test_a_run_without_the_volume_has_a_few_cases_of_a_test[{number}]" in collected["with"]
    assert len(cases) == MOST_CASES


@pytest.mark.parametrize("other", ["a", "b", "c"])
@pytest.mark.parametrize("value", range(MOST_CASES))
def test_each_value_of_a_parameter_is_tried(value: int, other: str, collected: dict[str, Sequence[str]]) -> None:
    cases = [name for name in collected["without"] if "each_value_of_a_parameter" in name]

    assert f"{FILE}::test_each_value_of_a_parameter_is_tried[{value}-{other}]" in collected["with"]
    assert all(any(f"[{each}-" in name for name in cases) for each in range(MOST_CASES))
    assert all(any(f"-{each}]" in name for name in cases) for each in "abc")


@pytest.mark.parametrize("size", sizes(1, 2))
def test_a_larger_size_is_left_to_the_volume(size: int, collected: dict[str, Sequence[str]]) -> None:
    case = f"{FILE}::test_a_larger_size_is_left_to_the_volume[{size}]"

    assert case in collected["only" if size == 2 else "without"]
