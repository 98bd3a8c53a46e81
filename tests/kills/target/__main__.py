"""Kill the target a thousand times, under faults, and judge what the server has: `python -m tests.kills.target`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.kills.target.ordeal import POINTS
from tests.kills.target.suffering import CASES, Report, shortfalls, suffer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument(
        "--ordeals", type=int, default=len(CASES), help="among how many sandboxes the kills are divided"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first ordeal; the others count on from it")
    parser.add_argument("--workers", type=int, default=2, help="how many ordeals go on at once")
    asked = parser.parse_args()
    each = -(-asked.kills // asked.ordeals)
    reports: list[Report] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for report in pool.map(partial(ordeal, each), range(asked.seed, asked.seed + asked.ordeals)):
            reports.append(report)
            _say("\n  ".join([f"{'FAIL' if report.broken else 'PASS'} {report}", *report.broken]))
    hits = sum((report.kills for report in reports), Counter[str]())
    for point in POINTS:
        _say(f"{hits[point]:5} kills: {point}")
    short = shortfalls(reports, asked.kills)
    for what in short:
        _say(what)
    broken = short or any(report.broken for report in reports)
    _say(f"{'FAIL' if broken else 'PASS'} kills={hits.total()} sleeps={sum(report.sleeps for report in reports)}")
    return bool(broken)


def ordeal(kills: int, seed: int) -> Report:
    """In a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return suffer(Path(folder), seed=seed, kills=kills)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
