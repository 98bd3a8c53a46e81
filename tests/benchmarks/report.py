"""Says what was measured: as text, as the Markdown of docs/numbers.md, or as JSON lines."""

from __future__ import annotations

import json
import os
import platform
import statistics
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.benchmarks.backfills import Cell, Row
from tests.benchmarks.bars import INFINITE, Verdict
from tests.benchmarks.bars_of_tap import Rows
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.scale import BURSTY_DAYS, QUICK, Scale

_HEADS = (
    "latency, cap",
    "rounds",
    "tap/s",
    "threads/s",
    "loop/s",
    "bytes/s",
    "tap÷threads",
    "tap÷loop",
    "requests",
    "of the cap",
)
_LEGEND = (
    "`/s` is records per second on a pipe, from the first list request on. `threads` and `loop` are plain `requests` "
    "and `json`, in 16 threads with a slice of time each, and in one; `bytes` is 16 threads of `http.client` that "
    "parse nothing: what the sandbox can give. `requests` are the tap's, to lists, per 1,000 records. `of the cap`: of "
    "25 list requests a second, from the first one to the last."
)
WIDTH = 110
_Lines = list[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of one run."""

    rows: Rows
    verdicts: Sequence[Verdict]
    scale: Scale
    # Busy processes before the run: other load slows the tap more than the plain clients.
    load: float

    def text(self) -> str:
        return textwrap.fill(self._conditions(), WIDTH) + self._tables(_aligned)

    def markdown(self) -> str:
        return self._conditions() + self._tables(_piped)

    def json_lines(self) -> str:
        said = [*self._readings_as_objects(), *(_as_object(each) for each in self.verdicts)]
        return "\n".join(json.dumps(each) for each in said)

    def _tables(self, table: Callable[[_Lines], list[str]]) -> str:
        rates = [_HEADS, *(_rates(cell, row) for cell, row in self.rows.rows.items())]
        judged = [("what", "figure", "bar", ""), *(_judged(each) for each in self.verdicts)]
        reasons = {str(cell): str(row) for cell, row in self.rows.rows.items() if isinstance(row, Unmeasured)}
        reasons |= {each.bar.says: each.why for each in self.verdicts if each.why}
        missing = [f"\nNot measured: {what}: {why}." for what, why in reasons.items()]
        return "\n".join(["\n", *table(rates), "", *table(judged), *missing])

    def _conditions(self) -> str:
        scale = self.scale
        warning = "A quick run, whose figures are not to be quoted. " if scale == QUICK else ""
        machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {self.load:.1f} before"
        pasts = (
            f"an account of {scale.charges:,} charges in the sandbox, the `shorter past` has {scale.capped_charges:,} "
            f"and the `longest` {scale.many_charges:,}, a `bursty` one is that of a shop over {BURSTY_DAYS} days"
        )
        return warning + (
            f"{machine}; {pasts}; medians, of {scale.rounds} rounds where nothing else is said, all clients in turn. "
            f"{_LEGEND}"
        )

    def _readings_as_objects(self) -> Iterator[Mapping[str, object]]:
        for cell, row in self.rows.rows.items():
            if isinstance(row, Unmeasured):
                yield {"kind": "readings", "cell": asdict(cell), "why": str(row)}
                continue
            for name, readings in row.readings.items():
                rounds = [asdict(each) for each in readings]
                yield {"kind": "readings", "cell": asdict(cell), "contender": name, "rounds": rounds}


def _rates(cell: Cell, row: Row | Unmeasured) -> list[str]:
    if isinstance(row, Unmeasured):
        return [str(cell), "none", *[""] * (len(_HEADS) - 2)]
    return [
        str(cell),
        str(len(row.readings["tap"])),
        *(_thousands(row.rate(name)) for name in ("tap", "threads", "loop", "bytes")),
        *(_ratio(row.ratios(name)) for name in ("threads", "loop")),
        f"{10 * statistics.median(row.requests_per_hundred()):.1f}",
        f"{statistics.median(row.shares()):.1%}" if cell.per_second else "",
    ]


def _ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def _judged(verdict: Verdict) -> list[str]:
    return [verdict.bar.says, verdict.shown, verdict.bar.bound, "PASS" if verdict.holds else "FAIL"]


def _as_object(verdict: Verdict) -> Mapping[str, object]:
    bar = verdict.bar
    return {
        "kind": "bar",
        "name": bar.name,
        "says": bar.says,
        "low": bar.low,
        "high": None if bar.high == INFINITE else bar.high,
        "holds": verdict.holds,
        "figure": verdict.figure,
        "values": verdict.values,
        "why": verdict.why,
    }


def _thousands(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


def _aligned(lines: _Lines) -> list[str]:
    """Lines of a text table: the first column left aligned, the others right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    parts = [[part.rjust(width) for part, width in zip(line, widths, strict=True)] for line in lines]
    return [
        "  ".join([line[0].ljust(widths[0]), *padded[1:]]).rstrip() for line, padded in zip(lines, parts, strict=True)
    ]


def _piped(lines: _Lines) -> list[str]:
    head, *rest = lines
    return [f"| {' | '.join(line)} |" for line in (head, ["---", *["---:"] * (len(head) - 1)], *rest)]
