"""The bars: what is promised about speed and cost, each a figure and what it must reach. Only ratios and counts."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.backfills import FAR, FAR_CAPPED, FARTHER_CAPPED, NEAR, Cell, Row
from tests.benchmarks.creates import shares_of_the_pace
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.scale import Scale
from tests.benchmarks.ticks import list_requests_of_ticks
from tests.support.sandbox import CONNECTED

INFINITE = float("inf")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A figure, one value for each round, whose median must be at least `low` and at most `high`."""

    name: str
    says: str
    measure: Callable[[], list[float]]
    low: float = 0
    high: float = INFINITE

    @property
    def bound(self) -> str:
        if self.low == self.high:
            return f"{self.low:g}"
        return f"at least {self.low:g}" if self.high == INFINITE else f"at most {self.high:g}"

    def judge(self) -> Verdict:
        """A bar without a figure is missed."""
        try:
            values = self.measure()
        except Unmeasured as why:
            return Verdict(bar=self, values=[], why=str(why))
        return Verdict(bar=self, values=values)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a bar; `why` there is no figure, if there is none."""

    bar: Bar
    values: list[float]
    why: str = ""

    @property
    def figure(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def shown(self) -> str:
        return "none" if self.figure is None else f"{self.figure:.4g}"

    @property
    def holds(self) -> bool:
        return self.figure is not None and self.bar.low <= self.figure <= self.bar.high


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows by their cells, or why there is none."""

    rows: Mapping[Cell, Row | Unmeasured]

    def __getitem__(self, cell: Cell) -> Row:
        """Raises Unmeasured."""
        row = self.rows[cell]
        if isinstance(row, Unmeasured):
            raise row
        return row


def bars(rows: Rows, scale: Scale) -> list[Bar]:
    """All bars, in the order in which they are told."""
    return [*_of_backfills(rows, scale), *_of_ticks(scale.rounds), _of_creates(scale)]


def _of_backfills(rows: Rows, scale: Scale) -> list[Bar]:
    def bar(name: str, says: str, cell: Cell, figure: Callable[[Row], list[float]], **bound: float) -> Bar:
        return Bar(name=name, says=f"tap: {says}", measure=lambda: figure(rows[cell]), **bound)

    def in_threads(row: Row) -> list[float]:
        return row.ratios("threads")

    rate, records = "list requests per second, of the cap of 25", "records per second in 16 plain threads' terms"
    large, small = f"{scale.charges:,} charges", f"{scale.few_charges:,}"
    return [
        bar("cap_share_100_ms", f"{rate}, at 100 ms", FAR_CAPPED, Row.shares, low=0.95),
        bar("cap_share_300_ms", f"{rate}, at 300 ms", FARTHER_CAPPED, Row.shares, low=0.95),
        bar("threads_ratio_0_ms", f"{records}, no latency, no cap", NEAR, in_threads, low=2),
        bar("threads_ratio_100_ms", f"{records}, 100 ms, no cap", FAR, in_threads, low=1),
        bar("requests_per_100", f"list requests per 100 of {large}", NEAR, Row.requests_per_hundred, high=1.15),
        bar("memory_growth", f"peak memory for {large}, in terms of that for {small}", NEAR, Row.growths, high=1.1),
    ]


def _of_ticks(rounds: int) -> list[Bar]:
    def tick(name: str, under: str, cost: int, **settings: object) -> Bar:
        says = f"tap: list requests per stream and account of an idle tick, {under}"
        measure = partial(list_requests_of_ticks, rounds, **settings)
        return Bar(name=f"tick_{name}", says=says, measure=measure, low=cost, high=cost)

    both = ["self", CONNECTED]
    return [
        tick("new", "capture new", 1),
        tick("new_two_accounts", "capture new, two accounts", 1, account_ids=both),
        tick("changes", "capture changes", 2, capture="changes"),
        tick("changes_two_accounts", "capture changes, two accounts", 2, capture="changes", account_ids=both),
    ]


def _of_creates(scale: Scale) -> Bar:
    return Bar(
        name="target_pace_share",
        says="target: creates per second, of the pace of 50",
        measure=lambda: shares_of_the_pace(scale.rounds, scale.rows),
        low=0.9,
    )
