"""Kill the target a thousand times, under faults, and check the server's objects: `python -m tests.kills.target`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.kills.target.long_run import CASES, Report, run_with_kills, shortfalls
from tests.kills.target.ordeal import POINTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--ordeals", type=int, default=len(CASES), help="number of sandboxes that share the kills")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the first ordeal; the next ones have the next numbers"
    )
    parser.add_argument("--workers", type=int, default=2, help="number of ordeals at the same time")
    options = parser.parse_args()
    kills_each = -(-options.kills // options.ordeals)
    reports: list[Report] = []
    with ProcessPoolExecutor(options.workers) as pool:
        for report in pool.map(partial(ordeal, kills_each), range(options.seed, options.seed + options.ordeals)):
            reports.append(report)
            _say("\n  ".join([f"{'FAIL' if report.broken else 'PASS'} {report}", *report.broken]))
    hits = sum((report.kills for report in reports), Counter[str]())
    for point in POINTS:
        _say(f"{hits[point]:5} kills: {point}")
    missing = shortfalls(reports, options.kills)
    for line in missing:
        _say(line)
    broken = missing or any(report.broken for report in reports)
    _say(f"{'FAIL' if broken else 'PASS'} kills={hits.total()} sleeps={sum(report.sleeps for report in reports)}")
    return bool(broken)


def ordeal(kills: int, seed: int) -> Report:
    """An ordeal in its own folder."""
    with tempfile.TemporaryDirectory() as folder:
        return run_with_kills(Path(folder), seed=seed, kills=kills)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
