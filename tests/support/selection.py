"""Which tests a run has: few cases of each test by default, the rest with `--volume only`, both with `--volume with`.

A mark `volume` leaves a test out that takes long: real Meltano, hundreds of kills, browsers. `volume(cases=1)` keeps
so many of its cases.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import pytest

MARK = "volume"
CHOICES = ("without", "only", "with")
# Cases of one test that a run without the volume has, at most.
MOST_CASES = 4


def sizes(few: int, many: int) -> list[object]:
    """The values of a parameter: how much a test tries in a run without the volume, and in the volume."""
    return [few, pytest.param(many, marks=pytest.mark.volume)]


# How many streams and accounts the tap reads side by side: one after the other, the default, all. The default is in a
# run without the volume.
STREAMS_AT_ONCE = (1, 8, 64)
EACH_STREAMS_AT_ONCE = pytest.mark.parametrize(
    "streams_at_once", [8, *(pytest.param(each, marks=pytest.mark.volume) for each in STREAMS_AT_ONCE if each != 8)]
)


def select(items: Sequence[pytest.Item], volume: str) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The items of a run and those that it leaves out, in their order. `volume` is one of CHOICES."""
    if volume == "with":
        return list(items), []
    few = set(_few(items))
    chosen, others = [item for item in items if item in few], [item for item in items if item not in few]
    return (chosen, others) if volume == "without" else (others, chosen)


def _few(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    most = ((item, _most_cases(item)) for item in items)
    for _, group in groupby(most, key=lambda each: each[0].nodeid.partition("[")[0]):
        cases = [(item, count) for item, count in group if count]
        if cases:
            yield from _spread([item for item, _ in cases], max(count for _, count in cases))


def _most_cases(item: pytest.Item) -> int:
    """How many cases of its test may run beside it; 0: it is left out itself."""
    marks = list(item.iter_markers(MARK))
    return min((mark.kwargs.get("cases", 0) for mark in marks), default=MOST_CASES)


def _spread(cases: list[pytest.Item], most: int) -> Iterable[pytest.Item]:
    """At most `most` that have as many different values of each parameter as cases drawn by their names can.

    The names make the choice: each test tries other streams and actions, and the same ones in each run.
    """
    drawn = sorted(cases, key=lambda item: zlib.crc32(item.nodeid.encode()))
    chosen: list[pytest.Item] = []
    seen: set[tuple[str, int]] = set()
    while drawn and len(chosen) < most:
        best = max(drawn, key=lambda item: len(_values(item) - seen))
        if not (new := _values(best) - seen) and chosen:
            break
        seen |= new
        chosen.append(best)
        drawn.remove(best)
    return chosen


def _values(case: pytest.Item) -> set[tuple[str, int]]:
    """Each parameter with its value, which is the same object in all cases that have it."""
    callspec = getattr(case, "callspec", None)
    return {(name, id(value)) for name, value in callspec.params.items()} if callspec is not None else set()
