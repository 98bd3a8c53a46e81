"""How the charges of a seeded past lie in time."""

from __future__ import annotations

import random
from array import array
from itertools import accumulate

_TIE_CHANCE = 0.15
# Stretches of this many charges are busy or quiet: one factor scales all their gaps.
_STRETCH = 40
_GAP_FACTORS = (0.1, 0.5, 1.0, 1.0, 4.0)
_MOST_BURST = 150


def even(label: str, count: int, start: int, end: int) -> array[int]:
    """`count` seconds in [start, end], ascending: some are the same, and one burst has more than a page holds."""
    draw = random.Random(f"{label}/seconds")  # noqa: S311 - repeatable, nothing to guess
    gaps = [0.0 if draw.random() < _TIE_CHANCE else draw.expovariate(1) for _ in range(count)]
    for stretch in range(0, count, _STRETCH):
        factor = draw.choice(_GAP_FACTORS)
        gaps[stretch : stretch + _STRETCH] = [gap * factor for gap in gaps[stretch : stretch + _STRETCH]]
    burst = min(_MOST_BURST, count // 10)
    first = draw.randrange(max(1, count - burst))
    gaps[first + 1 : first + burst] = [0.0] * len(gaps[first + 1 : first + burst])
    whole = sum(gaps) or 1.0
    return array("q", (start + int((end - start) * passed / whole) for passed in accumulate(gaps)))
