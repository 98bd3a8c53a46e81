"""Kill the tap hundreds of times and judge what it wrote: `python -m tests.kills.tap`, as `make torture` does."""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.kills.tap.ordeal import run_ordeal
from tests.kills.tap.outcome import Outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument(
        "--ordeals", type=int, default=6, help="number of ordeals, each with its own sandbox, that share the kills"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the first ordeal; the others have the next numbers"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many ordeals run in parallel")
    options = parser.parse_args()
    kills_each = -(-options.kills // options.ordeals)
    total, is_right = 0, True
    with ProcessPoolExecutor(options.workers) as pool:
        for outcome in pool.map(partial(ordeal, kills_each), range(options.seed, options.seed + options.ordeals)):
            faults = outcome.shortfalls(kills_each) + outcome.verdict.sentences()
            total, is_right = total + outcome.kills, is_right and not faults
            sys.stdout.write("\n  ".join([f"{_verdict(not faults)} {outcome}", *faults]) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{_verdict(is_right)} kills={total}\n")
    return not is_right


def ordeal(kills: int, seed: int) -> Outcome:
    """Run one ordeal in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        return run_ordeal(Path(folder), seed=seed, kills=kills)


def _verdict(is_right: bool) -> str:  # noqa: FBT001  # the only argument
    return "PASS" if is_right else "FAIL"


if __name__ == "__main__":
    sys.exit(main())
