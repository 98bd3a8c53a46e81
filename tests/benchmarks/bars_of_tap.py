"""The bars of the tap: ratios and counts, and the seconds and bytes that were promised as such."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.backfills import FAR, FAR_CAPPED, FARTHER_CAPPED, NEAR, Cell, Row
from tests.benchmarks.bars import Bar, once
from tests.benchmarks.discoveries import seconds_beyond_the_sdk
from tests.benchmarks.many_accounts import ACCOUNTS, IdleTick, idle_ticks
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.scale import Scale
from tests.benchmarks.ticks import list_requests_of_ticks
from tests.support.sandbox import CONNECTED


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows by cell, or the error of a cell without a row."""

    rows: Mapping[Cell, Row | Unmeasured]

    def __getitem__(self, cell: Cell) -> Row:
        """Raises Unmeasured."""
        row = self.rows[cell]
        if isinstance(row, Unmeasured):
            raise row
        return row


def of_tap(rows: Rows, scale: Scale) -> list[Bar]:
    """The bars of the tap, in the order of the report."""
    discovery = Bar(
        name="discovery",
        says="tap: processor seconds of --discover, without those of `import singer_sdk`",
        measure=lambda: seconds_beyond_the_sdk(scale.rounds),
        high=0.4,
    )
    return [*_of_backfills(rows, scale), *_of_ticks(scale.rounds), discovery]


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
    measured = once(lambda: idle_ticks(rounds))

    def crowded(name: str, says: str, figure: Callable[[IdleTick], float], high: float) -> Bar:
        says = f"tap: {says} of an idle tick, {ACCOUNTS} accounts, capture changes"
        return Bar(name=name, says=says, measure=lambda: [figure(each) for each in measured()], high=high)

    return [
        tick("new", "capture new", 1),
        tick("new_two_accounts", "capture new, two accounts", 1, account_ids=both),
        tick("changes", "capture changes", 2, capture="changes"),
        tick("changes_two_accounts", "capture changes, two accounts", 2, capture="changes", account_ids=both),
        crowded("tick_growth", "processor seconds, in terms of half the accounts,", lambda each: each.growth, 2.2),
        crowded("tick_states", "megabytes of STATEs", lambda each: each.state_bytes / 1e6, 4),
    ]
