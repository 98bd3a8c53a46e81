"""Backfills of seeded accounts: the tap and the plain clients in turn, at three latencies, with and without a cap."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import Contender, Reading, growth, measure
from tests.benchmarks.plugins import tap_command
from tests.benchmarks.scale import BURSTY_DAYS, DAY_S, DAYS, HOUR_S, Scale
from tests.support.sandbox import Sandbox

CAP_PER_S = 25  # Stripe's limit for one endpoint: https://docs.stripe.com/rate-limits
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Past:
    """The charges of one account, each past in a sandbox of its own.

    `size` names their number in the scale; `note` is what a table says of it.
    """

    size: str = "charges"
    days: int = DAYS
    density: str = "even"
    note: str = ""

    def charges(self, scale: Scale) -> int:
        return int(getattr(scale, self.size))

    def sandbox(self, scale: Scale) -> Sandbox:
        options = {"--seed": 1, "--charges": self.charges(scale), "--days": self.days, "--density": self.density}
        return Sandbox(*(str(word) for option in options.items() for word in option))


EVEN = Past()
FEW = Past(size="few_charges")
FOR_CAP = Past(size="capped_charges", note=", shorter past")
BURSTY = Past(days=BURSTY_DAYS, density="bursty", note=", bursty past")
LONG = Past(size="many_charges", days=BURSTY_DAYS, density="bursty", note=", longest bursty past")
PASTS = (EVEN, FEW, FOR_CAP, BURSTY, LONG)

PLAIN = ("tap", "threads", "loop")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One combination of past, latency and cap; `per_second` 0: no cap.

    `contenders` take turns. Those in `whole` do the same job as the tap: they must read all charges.
    """

    past: Past = EVEN
    latency_ms: int
    per_second: int = 0
    rounds: int
    contenders: tuple[str, ...] = PLAIN
    whole: tuple[str, ...] = ("tap", "small")

    def __str__(self) -> str:
        cap = f"{self.per_second} requests/s" if self.per_second else "no cap"
        return f"{self.latency_ms} ms, {cap}{self.past.note}"


_BOTH_WHOLE = ("tap", "small", "threads")
# Five rounds if a bar depends on this machine's speed. Three under the cap: there a backfill takes most of a minute,
# and the cap sets its time. One without a bar, and for memory, which is the same in each.
NEAR = Cell(latency_ms=0, rounds=5, contenders=(*PLAIN, "small", "bytes"), whole=_BOTH_WHOLE)
FAR = Cell(latency_ms=100, rounds=5, whole=_BOTH_WHOLE)
FAR_CAPPED = Cell(past=FOR_CAP, latency_ms=100, per_second=CAP_PER_S, rounds=3)
FARTHER_CAPPED = Cell(past=FOR_CAP, latency_ms=300, per_second=CAP_PER_S, rounds=3)
FAR_BURSTY = Cell(past=BURSTY, latency_ms=100, rounds=5, contenders=("tap", "threads"), whole=_BOTH_WHOLE)
NEAR_BURSTY = Cell(past=BURSTY, latency_ms=0, rounds=1, contenders=("tap",))
NEAR_LONG = Cell(past=LONG, latency_ms=0, rounds=1, contenders=("tap",))
CELLS = (
    NEAR,
    FAR,
    FAR_BURSTY,
    Cell(latency_ms=300, rounds=1),
    Cell(latency_ms=0, per_second=CAP_PER_S, rounds=1),
    FAR_CAPPED,
    FARTHER_CAPPED,
    NEAR_BURSTY,
    NEAR_LONG,
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
        """The ratio of the tap's rate to another contender's in the same round; none if that is not in this cell."""
        if name not in self.readings:
            return []
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

    def peaks_mib(self) -> list[float]:
        """The tap's peak memory."""
        return [each.peak_bytes / MIB for each in self.readings["tap"]]


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The accounts, each in its own sandbox, and the folder of the tap's files."""

    sandboxes: Mapping[Past, Sandbox]
    folder: Path
    scale: Scale

    def read(self, cell: Cell) -> Row:
        """The readings of all contenders, in turn in each round, so that noise hits all of them. Raises Unmeasured."""
        contenders = [self._contender(name, cell) for name in cell.contenders]
        row = Row(cell=cell, readings={each.name: [] for each in contenders})
        rounds = min(cell.rounds, self.scale.rounds)
        for number in range(1, rounds + 1):
            for contender in contenders:
                reading = measure(contender, cell.latency_ms)
                row.readings[contender.name].append(reading)
                sys.stderr.write(f"{cell}, {number} of {rounds}, {contender.name}: {reading.records_per_s:,.0f}/s\n")
        return row

    def _contender(self, name: str, cell: Cell) -> Contender:
        """The tap (`small`: with few charges), or a plain client.

        A plain client that is not to read all is ended early, or a run would take hours: its rate is steady from the
        first page on.
        """
        is_tap, is_whole = name in {"tap", "small"}, name in cell.whole
        sandbox = self.sandboxes[FEW if name == "small" else cell.past]
        folder = self.folder / f"{name} {cell}"
        return Contender(
            name=name,
            sandbox=sandbox,
            command=tap_command(folder, sandbox.url, cell.per_second) if is_tap else _plain(name, sandbox, cell),
            at_most_s=self.scale.tap_s if is_whole else self.scale.plain_s,
            must_finish=is_whole,
            mark=b'"object": "charge"' if name == "bytes" else b'"RECORD"',
        )


def _plain(kind: str, sandbox: Sandbox, cell: Cell) -> list[str]:
    end = sandbox.clock()
    start = end - cell.past.days * DAY_S - HOUR_S  # the past began so long before the sandbox, less than an hour ago
    arguments = [kind, sandbox.url, str(start), str(end), str(cell.per_second)]
    return [sys.executable, "-m", "tests.benchmarks.baselines", *arguments]
