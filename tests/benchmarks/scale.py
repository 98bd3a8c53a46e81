"""How much is measured: the full run, and a quick one for development whose figures are not to be quoted."""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes, rounds, and how long a reading may last: a `whole` one, a `part` of one, one by a `plain` client."""

    charges: int
    few_charges: int
    rounds: int
    # For what has no bar, and for what lasts most of a minute and is timed by the cap, not by this machine.
    few_rounds: int
    whole_s: float
    part_s: float
    plain_s: float
    rows: int


FULL = Scale(charges=100_000, few_charges=10_000, rounds=5, few_rounds=3, whole_s=120, part_s=8, plain_s=3, rows=300)
QUICK = Scale(charges=20_000, few_charges=10_000, rounds=1, few_rounds=1, whole_s=60, part_s=3, plain_s=2, rows=60)
