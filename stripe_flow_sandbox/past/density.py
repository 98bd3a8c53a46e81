"""How the charges of a seeded past lie in time: evenly but for small bursts, or as those of a growing shop."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Literal, TypeAlias

Density: TypeAlias = Literal["even", "bursty"]

HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S

_TIE_CHANCE = 0.15
# Stretches of this many charges are busy or quiet: one factor scales all their gaps.
_STRETCH = 40
_GAP_FACTORS = (0.1, 0.5, 1.0, 1.0, 4.0)
_MOST_BURST = 150


def _even(draw: random.Random, count: int, start: int, end: int) -> array[int]:
    """Some share a second, and one burst has more of them than a page holds."""
    gaps = [0.0 if draw.random() < _TIE_CHANCE else draw.expovariate(1) for _ in range(count)]
    for stretch in range(0, count, _STRETCH):
        factor = draw.choice(_GAP_FACTORS)
        gaps[stretch : stretch + _STRETCH] = [gap * factor for gap in gaps[stretch : stretch + _STRETCH]]
    burst = min(_MOST_BURST, count // 10)
    first = draw.randrange(max(1, count - burst))
    gaps[first + 1 : first + burst] = [0.0] * len(gaps[first + 1 : first + burst])
    whole = sum(gaps) or 1.0
    return array("q", (start + int((end - start) * passed / whole) for passed in accumulate(gaps)))


# The rate of a shop's sales doubles in a year.
_DOUBLES_IN_S = 365 * DAY_S
# From midnight: six hours of night, two of morning, fourteen of day, two of evening.
_BY_HOUR = (*[0.1] * 6, *[0.5] * 2, *[1.0] * 14, *[0.5] * 2)
_BY_WEEKDAY = (1.0, 1.0, 1.0, 1.0, 1.0, 1 / 3, 1 / 3)
# One day in each `_SALE_EVERY` days sells more.
_SALE_EVERY, _SALE = 100, 8.0
# One charge in seven is made by a billing run, which makes hundreds of them in one or two seconds at any hour.
_BILLED_ONE_IN = 7
_RUN_SIZES = (200, 900)


def _bursty(draw: random.Random, count: int, start: int, end: int) -> array[int]:
    """Growth, nights, weekends, days of sales, and billing runs. Days begin with `start`."""
    billed = list(_billing_runs(draw, count // _BILLED_ONE_IN, start, end))
    weights = _weights(draw, start, end)
    passed = [0.0, *accumulate(weights)]
    gaps = [draw.expovariate(1) for _ in range(count - len(billed))]
    scale = passed[-1] / (sum(gaps) or 1.0)
    sold = (_second_at(passed, weights, scale * each, start) for each in accumulate(gaps))
    return array("q", sorted([*(min(second, end) for second in sold), *billed]))


def _weights(draw: random.Random, start: int, end: int) -> list[float]:
    """The rate of sales in each hour from `start` on."""
    weekday, blocks = draw.randrange(7), range(0, (end - start) // DAY_S + 1, _SALE_EVERY)
    sales = {block + draw.randrange(_SALE_EVERY) for block in blocks}
    found = []
    for hour in range(-(-(end - start) // HOUR_S)):
        day, growth = hour // 24, 2 ** (hour * HOUR_S / _DOUBLES_IN_S)
        sale = _SALE if day in sales else 1.0
        found.append(growth * sale * _BY_HOUR[hour % 24] * _BY_WEEKDAY[(weekday + day) % 7])
    return found


def _second_at(passed: list[float], weights: list[float], sought: float, start: int) -> int:
    """The second from `start` on at which so much of the whole weight has passed."""
    hour = min(bisect_right(passed, sought), len(weights)) - 1
    return start + int((hour + (sought - passed[hour]) / weights[hour]) * HOUR_S)


def _billing_runs(draw: random.Random, count: int, start: int, end: int) -> Iterator[int]:
    """`count` seconds in no order: runs of hundreds in one second or two. No run has over half of them."""
    while count > 0:
        size = min(count, draw.randint(*_RUN_SIZES), max(1, count // 2))
        second, lasts_s = draw.randrange(start, end), draw.choice((1, 2))
        yield from (second + draw.randrange(lasts_s) for _ in range(size))
        count -= size


_SHAPES: Mapping[Density, Callable[[random.Random, int, int, int], array[int]]] = {"even": _even, "bursty": _bursty}


def seconds(density: Density, label: str, count: int, start: int, end: int) -> array[int]:
    """`count` seconds in [start, end], ascending; the same label and count give the same, moved with the bounds."""
    draw = random.Random(f"{label}/seconds")  # noqa: S311 - repeatable, nothing to guess
    return _SHAPES[density](draw, count, start, end)
