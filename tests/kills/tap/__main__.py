"""Kill the tap hundreds of times and judge what it wrote: `python -m tests.kills.tap`, as `make torture` does."""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.kills.tap.ordeal import suffer
from tests.kills.tap.outcome import Outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--ordeals", type=int, default=6, help="among how many sandboxes the kills are divided")
    parser.add_argument("--seed", type=int, default=1, help="of the first ordeal; the others count on from it")
    parser.add_argument("--workers", type=int, default=2, help="how many ordeals go on at once")
    asked = parser.parse_args()
    each = -(-asked.kills // asked.ordeals)
    total, is_right = 0, True
    with ProcessPoolExecutor(asked.workers) as pool:
        for outcome in pool.map(partial(ordeal, each), range(asked.seed, asked.seed + asked.ordeals)):
            faults = outcome.shortfalls(each) + outcome.verdict.told()
            total, is_right = total + outcome.kills, is_right and not faults
            sys.stdout.write("\n  ".join([f"{_verdict(not faults)} {outcome}", *faults]) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{_verdict(is_right)} kills={total}\n")
    return not is_right


def ordeal(kills: int, seed: int) -> Outcome:
    """In a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return suffer(Path(folder), seed=seed, kills=kills)


def _verdict(is_right: bool) -> str:  # noqa: FBT001  # it is the only thing to say
    return "PASS" if is_right else "FAIL"


if __name__ == "__main__":
    sys.exit(main())
