"""The sizes of a run: the full one, and a quick one for development whose figures must not be quoted."""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes, the most rounds of anything, and how long the tap and a plain client may read.

    `rows` are created with a limit of requests per second, `free_rows` without; `replayed` rows of `journal_rows`.
    """

    charges: int
    few_charges: int
    rounds: int
    tap_s: float
    plain_s: float
    rows: int
    free_rows: int
    journal_rows: int
    replayed: int
    few_replayed: int


FULL = Scale(
    charges=100_000,
    few_charges=10_000,
    rounds=5,
    tap_s=120,
    plain_s=3,
    rows=200,
    free_rows=1_000,
    journal_rows=1_000_000,
    replayed=100_000,
    few_replayed=10_000,
)
QUICK = Scale(
    charges=20_000,
    few_charges=10_000,
    rounds=1,
    tap_s=30,
    plain_s=2,
    rows=100,
    free_rows=400,
    journal_rows=100_000,
    replayed=20_000,
    few_replayed=10_000,
)
