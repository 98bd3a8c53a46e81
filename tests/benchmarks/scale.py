"""How much is measured: the full run, and a quick one for development whose figures are not to be quoted."""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes, the most rounds of anything, and how long the tap and a plain client may read."""

    charges: int
    few_charges: int
    rounds: int
    tap_s: float
    plain_s: float
    rows: int


FULL = Scale(charges=100_000, few_charges=10_000, rounds=5, tap_s=120, plain_s=3, rows=300)
QUICK = Scale(charges=20_000, few_charges=10_000, rounds=1, tap_s=30, plain_s=2, rows=100)
