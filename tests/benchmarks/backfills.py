"""Backfills of a seeded account: the tap and the plain clients in turn, at three latencies, with and without a cap."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import Contender, Reading, growth, measure
from tests.benchmarks.plugins import tap_command
from tests.benchmarks.scale import DAY_S, DAYS, HOUR_S, Scale
from tests.support.sandbox import Sandbox

CAP_PER_S = 25  # Stripe's limit for one endpoint: https://docs.stripe.com/rate-limits


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One combination of account, latency and cap; `per_second` 0: no cap."""

    latency_ms: int
    per_second: int = 0
    rounds: int

    def __str__(self) -> str:
        return f"{self.latency_ms} ms, {f'{self.per_second} requests/s' if self.per_second else 'no cap'}"


# Five rounds if a bar depends on this machine's speed. Three under the cap: there a backfill takes most of a minute,
# and the cap sets its time. One without a bar.
NEAR = Cell(latency_ms=0, rounds=5)
FAR = Cell(latency_ms=100, rounds=5)
FAR_CAPPED = Cell(latency_ms=100, per_second=CAP_PER_S, rounds=3)
FARTHER_CAPPED = Cell(latency_ms=300, per_second=CAP_PER_S, rounds=3)
CELLS = (
    NEAR,
    FAR,
    Cell(latency_ms=300, rounds=1),
    Cell(latency_ms=0, per_second=CAP_PER_S, rounds=1),
    FAR_CAPPED,
    FARTHER_CAPPED,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The readings of one cell: contender → one reading for each round."""

    cell: Cell
    readings: dict[str, list[Reading]]

    def rate(self, name: str) -> float | None:
        """The median of records per second; None for a contender without readings in this cell."""
        rates = [each.records_per_s for each in self.readings.get(name, [])]
        return statistics.median(rates) if rates else None

    def ratios(self, name: str) -> list[float]:
        """The ratio of the tap's rate to another contender's in the same round."""
        pairs = zip(self.readings["tap"], self.readings[name], strict=True)
        return [tap.records_per_s / other.records_per_s for tap, other in pairs]

    def shares(self) -> list[float]:
        """The tap's list requests per second, as shares of the cap."""
        return [each.requests_per_s / CAP_PER_S for each in self.readings["tap"]]

    def requests_per_hundred(self) -> list[float]:
        """The tap's list requests per 100 records."""
        return [100 * each.requests / each.records for each in self.readings["tap"]]

    def growths(self) -> list[float]:
        """The ratio of the tap's memory to its memory for the small account. Raises Unmeasured."""
        pairs = zip(self.readings["small"], self.readings["tap"], strict=True)
        return [growth(small, large) for small, large in pairs]


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The accounts, each in its own sandbox, and the folder of the tap's files."""

    large: Sandbox
    small: Sandbox
    folder: Path
    scale: Scale

    def read(self, cell: Cell) -> Row:
        """The readings of all contenders, in turn in each round, so that noise hits all of them. Raises Unmeasured."""
        contenders = self._contenders(cell)
        row = Row(cell=cell, readings={each.name: [] for each in contenders})
        rounds = min(cell.rounds, self.scale.rounds)
        for number in range(1, rounds + 1):
            for contender in contenders:
                reading = measure(contender, cell.latency_ms)
                row.readings[contender.name].append(reading)
                sys.stderr.write(f"{cell}, {number} of {rounds}, {contender.name}: {reading.records_per_s:,.0f}/s\n")
        return row

    def _contenders(self, cell: Cell) -> list[Contender]:
        contenders = [self._tap(cell), self._plain("threads", cell), self._plain("loop", cell)]
        if cell == NEAR:
            contenders += [self._tap(cell, "small"), self._plain("bytes", cell)]
        return contenders

    def _tap(self, cell: Cell, name: str = "tap") -> Contender:
        sandbox = self.small if name == "small" else self.large
        return Contender(
            name=name,
            sandbox=sandbox,
            command=tap_command(self.folder / f"{name} {cell}", sandbox.url, cell.per_second),
            at_most_s=self.scale.tap_s,
            must_finish=True,
        )

    def _plain(self, kind: str, cell: Cell) -> Contender:
        """Where nothing slows them, the threads do the same job as the tap, from the first request to the last record.

        Else it is ended early, or a run would take hours: its rate is steady from the first page on.
        """
        is_whole = kind == "threads" and cell in {NEAR, FAR}
        end = self.large.clock()
        start = end - DAYS * DAY_S - HOUR_S  # the account began 30 days before the sandbox did, less than an hour ago
        arguments = [kind, self.large.url, str(start), str(end), str(cell.per_second)]
        return Contender(
            name=kind,
            sandbox=self.large,
            command=[sys.executable, "-m", "tests.benchmarks.baselines", *arguments],
            at_most_s=self.scale.tap_s if is_whole else self.scale.plain_s,
            must_finish=is_whole,
            mark=b'"object": "charge"' if kind == "bytes" else b'"RECORD"',
        )
