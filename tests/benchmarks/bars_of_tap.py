"""The bars of the tap: ratios and counts, and the seconds and bytes that were promised as such."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tap_stripe_flow.streams import STREAMS
from tests.benchmarks.backfills import (
    FAR,
    FAR_BURSTY,
    FAR_CAPPED,
    FARTHER_CAPPED,
    NEAR,
    NEAR_BURSTY,
    NEAR_LONG,
    Cell,
    Row,
)
from tests.benchmarks.bars import INFINITE, Bar, once
from tests.benchmarks.discoveries import seconds_beyond_the_sdk
from tests.benchmarks.four_lists import four_lists
from tests.benchmarks.links import MBIT_PER_S, gains_of_gzip
from tests.benchmarks.many_accounts import idle_ticks
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.scale import Scale
from tests.benchmarks.shops import shops
from tests.benchmarks.ticks import list_requests_of_ticks
from tests.support.sandbox import CONNECTED

T = TypeVar("T")


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
    of_account = [*_of_four_lists(scale), *_of_shops(scale), *_of_many_accounts(scale), *_of_links(scale)]
    return [*_of_backfills(rows, scale), *of_account, *_of_ticks(scale.rounds), discovery]


def _of_backfills(rows: Rows, scale: Scale) -> list[Bar]:
    """Without a latency the machine's speed decides, and the ratio is between 1.4 and 2.6: `low` is a little less.

    100,000 charges fill the 10 MiB for records that wait (`listing/memory.py`), 10,000 do not: memory may grow so far.
    """

    def bar(name: str, says: str, cell: Cell, figure: Callable[[Row], list[float]], **bound: float) -> Bar:
        return Bar(name=name, says=f"tap: {says}", measure=lambda: figure(rows[cell]), **bound)

    def in_threads(row: Row) -> list[float]:
        return row.ratios("threads")

    def long_growth() -> list[float]:
        pairs = zip(rows[NEAR_BURSTY].peaks_mib(), rows[NEAR_LONG].peaks_mib(), strict=True)
        return [long / short for short, long in pairs]

    rate, records = "list requests per second, of the cap of 25,", "charges per second in 16 plain threads' terms,"
    large, small, long = f"{scale.charges:,} charges", f"{scale.few_charges:,}", f"{scale.many_charges:,}"
    few, reading = f"{scale.capped_charges:,} charges", "from the first request to the last record"
    free = f"of {large}, no cap, {reading}"
    return [
        bar("cap_share_100_ms", f"{rate} {few} at 100 ms, {reading}", FAR_CAPPED, Row.shares, low=0.95),
        bar("cap_share_300_ms", f"{rate} {few} at 300 ms, {reading}", FARTHER_CAPPED, Row.shares, low=0.98),
        bar("threads_ratio_0_ms", f"{records} {free}, even, no latency", NEAR, in_threads, low=1.35),
        bar("threads_ratio_100_ms", f"{records} {free}, even, 100 ms", FAR, in_threads, low=1),
        bar("threads_ratio_bursty", f"{records} {free}, bursty, 100 ms", FAR_BURSTY, in_threads, low=1),
        bar("requests_per_100", f"list requests per 100 of {large}", NEAR, Row.requests_per_hundred, high=1.15),
        bar("memory_growth", f"peak memory for {large}, in terms of that for {small}", NEAR, Row.growths, high=1.2),
        bar("memory", f"peak MiB for {large}, bursty, 100 ms, concurrency 16", FAR_BURSTY, Row.peaks_mib, high=150),
        Bar(
            name="memory_long",
            says=f"tap: peak memory for {long} charges, bursty, no latency, in terms of that for {large}",
            measure=long_growth,
            high=1.1,
        ),
    ]


def _of_four_lists(scale: Scale) -> list[Bar]:
    measured = once(lambda: four_lists(min(scale.rounds, 3), scale.listed))
    what = (
        f"of four lists of {scale.listed:,}, 100 ms; settings and limits of the sandbox: 25 per second and operation, "
        "100 in all"
    )
    return _bars(
        measured,
        (
            "four_lists_rate",
            f"requests per second while all are read, {what}",
            lambda each: each.per_second,
            95,
            INFINITE,
        ),
        ("four_lists_429", f"share of requests answered 429, {what}", lambda each: each.too_many, 0, 0.01),
    )


def _of_shops(scale: Scale) -> list[Bar]:
    measured = once(lambda: shops(min(scale.rounds, 3), scale.furnished))
    what = (
        f"of {len(STREAMS)} streams with {scale.furnished} objects of each kind, 100 ms, settings 20 per second and "
        "operation and 80 in all"
    )
    return _bars(
        measured,
        ("shop_first", f"seconds of the first run's process, {what}", lambda shop: shop.first_s, 0, 20),
        ("shop_idle", f"seconds of an idle run's process, {what}", lambda shop: shop.idle_s, 0, 2.2),
        ("shop_changes", f"the same under capture changes, {what}", lambda shop: shop.idle_changes_s, 0, 4.5),
    )


def _of_many_accounts(scale: Scale) -> list[Bar]:
    measured = once(lambda: idle_ticks(min(scale.rounds, 3), scale.accounts))
    what = (
        f"of an idle run, {scale.accounts:,} accounts with 2 streams each, 100 ms, streams_at_once 32, concurrency 32, "
        "no cap"
    )
    return _bars(
        measured,
        ("accounts_s", f"seconds of the process {what}", lambda tick: tick.many.seconds, 0, 15),
        (
            "accounts_cpu",
            f"processor milliseconds for each account after the first, {what}",
            lambda tick: tick.cpu_ms_per_account,
            0,
            4,
        ),
        ("accounts_states", f"megabytes of STATEs {what}", lambda tick: tick.many.state_bytes / 1e6, 0, 3),
    )


def _of_links(scale: Scale) -> list[Bar]:
    return [
        Bar(
            name="link_ratio",
            says=(
                f"tap: charges per second of {scale.linked_charges:,} over a link of {MBIT_PER_S} Mbit/s, no cap, "
                "reading, in terms of the same without gzip"
            ),
            measure=lambda: gains_of_gzip(min(scale.rounds, 3), scale),
            low=5,
        )
    ]


def _of_ticks(rounds: int) -> list[Bar]:
    """Under `changes` the events of an account are read once for both streams: 3 requests for 2 lists."""

    def tick(name: str, under: str, cost: float, **settings: object) -> Bar:
        says = f"tap: list requests per stream and account of an idle run of 2 streams, {under}"
        measure = partial(list_requests_of_ticks, rounds, **settings)
        return Bar(name=f"tick_{name}", says=says, measure=measure, low=cost, high=cost)

    both = ["self", CONNECTED]
    return [
        tick("new", "capture new", 1),
        tick("new_two_accounts", "capture new, two accounts", 1, account_ids=both),
        tick("changes", "capture changes", 1.5, capture="changes"),
        tick("changes_two_accounts", "capture changes, two accounts", 1.5, capture="changes", account_ids=both),
    ]


def _bars(measured: Callable[[], list[T]], *lines: tuple[str, str, Callable[[T], float], float, float]) -> list[Bar]:
    """The bars of one measurement, from lines of name, says, figure, low and high."""

    def bar(name: str, says: str, figure: Callable[[T], float], low: float, high: float) -> Bar:
        return Bar(name=name, says=f"tap: {says}", measure=lambda: list(map(figure, measured())), low=low, high=high)

    return [bar(*line) for line in lines]
