"""The bars: promises about speed and cost, each a figure with its bound.

Ratios and counts, and figures of this machine that were promised as such: see `bars`, `_of_replays`, `_of_reports`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tests.benchmarks.backfills import FAR, FAR_CAPPED, FARTHER_CAPPED, NEAR, Cell, Row
from tests.benchmarks.creates import Cost, costs, shares_of_the_limit
from tests.benchmarks.discoveries import seconds_beyond_the_sdk
from tests.benchmarks.many_accounts import ACCOUNTS, IdleTick, idle_ticks
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.replays import Use, uses
from tests.benchmarks.reports import Made, reports
from tests.benchmarks.scale import Scale
from tests.benchmarks.ticks import list_requests_of_ticks
from tests.support.sandbox import CONNECTED

INFINITE = float("inf")

T = TypeVar("T")


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
        if (self.low, self.high) == (0, INFINITE):
            return "no bar"
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
    """The result of a bar; `why` is the reason if there is no figure."""

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
    """The rows by cell, or the error of a cell without a row."""

    rows: Mapping[Cell, Row | Unmeasured]

    def __getitem__(self, cell: Cell) -> Row:
        """Raises Unmeasured."""
        row = self.rows[cell]
        if isinstance(row, Unmeasured):
            raise row
        return row


def bars(rows: Rows, scale: Scale) -> list[Bar]:
    """All bars, in the order of the report."""
    discovery = Bar(
        name="discovery",
        says="tap: processor seconds of --discover, without those of `import singer_sdk`",
        measure=lambda: seconds_beyond_the_sdk(scale.rounds),
        high=0.4,
    )
    of_tap = [*_of_backfills(rows, scale), *_of_ticks(scale.rounds), discovery]
    return [*of_tap, *_of_creates(scale), *_of_replays(scale), *_of_reports(scale)]


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
    measured = _once(lambda: idle_ticks(rounds))

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


def _of_creates(scale: Scale) -> list[Bar]:
    measured = _once(lambda: costs(scale.rounds, scale.free_rows))

    def bar(name: str, says: str, figure: Callable[[Cost], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"target: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    rate, commits = "creates per second, no latency, no throttle", "durable commits per record"
    return [
        Bar(
            name="target_pace_share",
            says="target: charges per second, of the limit of 20, at 300 ms, each customer checked at Stripe",
            # Three rounds, as under the cap: the throttle sets the time.
            measure=lambda: shares_of_the_limit(min(scale.rounds, 3), scale.rows),
            low=0.95,
        ),
        bar("creates_kept", f"{rate}, with the journal", lambda cost: cost.kept),
        bar("creates_forgotten", f"{rate}, without", lambda cost: cost.forgotten),
        bar("creates_ratio", f"{rate}, with in terms of without", lambda cost: cost.kept / cost.forgotten, low=0.4),
        bar("commits", f"{commits}, 16 at once", lambda cost: cost.commits, high=1),
        bar("commits_alone", f"{commits}, one at a time", lambda cost: cost.commits_alone, high=2),
    ]


def _of_replays(scale: Scale) -> list[Bar]:
    """Two bars depend on this machine's speed, in records per second and seconds; each has a ratio as well."""
    measured = _once(lambda: uses(scale.rounds, scale))

    def bar(name: str, says: str, figure: Callable[[Use], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"target: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    done, long = f"{scale.replayed:,} records that are done", f"a journal of {scale.journal_rows:,} rows"
    return [
        bar("replay_rate", f"records per second, {done}", lambda use: use.rate, low=5_000),
        bar("replay_ratio", "the same, in a plain loop's terms", lambda use: use.rate / use.plain_rate, low=0.15),
        bar("replay_growth", f"peak memory for {done}, in terms of a tenth", lambda use: use.growth, high=1.1),
        bar("start_s", f"seconds of a run without input on {long}", lambda use: use.start_s, high=2),
        bar("start_ratio", "the same, in an empty one's terms", lambda use: use.start_s / use.new_start_s, high=1.5),
    ]


def _of_reports(scale: Scale) -> list[Bar]:
    """Seconds depend on this machine; the promise is ten times the measured time."""
    measured = _once(lambda: reports(min(scale.rounds, 3), scale))

    def bar(name: str, says: str, figure: Callable[[Made], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"report: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    long = f"a journal of {scale.journal_rows:,} rows"
    return [
        bar("report_s", f"seconds over {long}", lambda made: made.seconds, high=50),
        bar("report_peak", "peak memory of it, in MiB", lambda made: made.peak_mib, high=300),
        bar("report_size", "size of the page, in MiB", lambda made: made.page_mib, high=5),
    ]


def _once(measure: Callable[[], list[T]]) -> Callable[[], list[T]]:
    """One measurement for all bars that use it; its failure is repeated for each."""
    kept: list[list[T] | Unmeasured] = []

    def measured() -> list[T]:
        if not kept:
            kept.append(_tried(measure))
        if isinstance(kept[0], Unmeasured):
            raise kept[0]
        return kept[0]

    return measured


def _tried(measure: Callable[[], list[T]]) -> list[T] | Unmeasured:
    try:
        return measure()
    except Unmeasured as why:
        return why
