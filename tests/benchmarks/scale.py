"""The sizes of a run: the full one, and a quick one for development whose figures must not be quoted."""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
BURSTY_DAYS = 730
HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes, the most rounds of anything, and how long the tap and a plain client may read.

    `charges` are those of most accounts, `many_charges` of the longest past, `capped_charges` of the one that is read
    under a cap, `linked_charges` of the one behind a slow link. `listed` objects are in each of four lists, `furnished`
    of each kind, and `accounts` belong to one platform. `rows` are created with a limit of requests per second,
    `free_rows` without; `replayed` rows of `journal_rows`.
    """

    charges: int
    few_charges: int
    many_charges: int
    capped_charges: int
    linked_charges: int
    listed: int
    furnished: int
    accounts: int
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
    many_charges=1_000_000,
    capped_charges=60_000,
    linked_charges=20_000,
    listed=25_000,
    furnished=300,
    accounts=1_000,
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
    many_charges=40_000,
    capped_charges=10_000,
    linked_charges=2_000,
    listed=5_000,
    furnished=30,
    accounts=50,
    rounds=1,
    tap_s=30,
    plain_s=2,
    rows=100,
    free_rows=400,
    journal_rows=100_000,
    replayed=20_000,
    few_replayed=10_000,
)
