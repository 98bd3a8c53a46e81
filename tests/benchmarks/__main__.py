"""`make bench`: the cost of the plugins, as ratios to plain clients in the same run and as counts at the server.

Machines are noisy: ratios and counts have a bar, and two times that were promised. Exits 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.backfills import CELLS, PASTS, Accounts, Cell, Row
from tests.benchmarks.bars_of_tap import Rows, of_tap
from tests.benchmarks.bars_of_target import of_target
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.report import Report
from tests.benchmarks.scale import FULL, QUICK, Scale


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run for development; do not quote its figures")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON lines: all readings and all bars")
    forms.add_argument("--markdown", action="store_true", help="print the tables of docs/numbers.md")
    asked = parser.parse_args()
    report = measure(QUICK if asked.quick else FULL)
    print(report.json_lines() if asked.json else report.markdown() if asked.markdown else report.text())
    return int(not all(each.holds for each in report.verdicts))


def measure(scale: Scale) -> Report:
    """Measure everything; about 15 minutes at full scale."""
    load = os.getloadavg()[0]
    rows = Rows(rows=read_accounts(scale))
    verdicts = []
    for bar in (*of_tap(rows, scale), *of_target(scale)):
        verdict = bar.judge()
        said = f"{bar.says}: {verdict.why or verdict.shown} ({bar.bound})"
        sys.stderr.write(f"{'PASS' if verdict.holds else 'FAIL'}  {said}\n")
        verdicts.append(verdict)
    return Report(rows=rows, verdicts=verdicts, scale=scale, load=load)


def read_accounts(scale: Scale) -> dict[Cell, Row | Unmeasured]:
    """All cells."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        sandboxes = {past: opened.enter_context(past.sandbox(scale)) for past in PASTS}
        accounts = Accounts(sandboxes=sandboxes, folder=folder, scale=scale)
        return {cell: _row_or_why(accounts, cell) for cell in CELLS}


def _row_or_why(accounts: Accounts, cell: Cell) -> Row | Unmeasured:
    """Measure one cell; its failure fails the bars that use it, not the run."""
    try:
        return accounts.read(cell)
    except Unmeasured as why:
        sys.stderr.write(f"{cell}: not measured: {why}\n")
        return why


if __name__ == "__main__":
    sys.exit(main())
