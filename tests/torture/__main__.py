"""Kill the tap hundreds of times and judge what it wrote: `python -m tests.torture`, as `make torture` does."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.torture.ordeal import Ordeal, suffer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--ordeals", type=int, default=5, help="among how many sandboxes the kills are divided")
    parser.add_argument("--seed", type=int, default=1, help="of the first ordeal; the others count on from it")
    parser.add_argument("--beat-s", type=float, default=0.1, help="how long a second of the sandbox's clock takes")
    asked = parser.parse_args()
    each = -(-asked.kills // asked.ordeals)
    kills, is_right = 0, True
    for seed in range(asked.seed, asked.seed + asked.ordeals):
        ordeal = Ordeal(seed=seed, kills=each, beat_s=asked.beat_s)
        with tempfile.TemporaryDirectory() as folder:
            outcome = suffer(ordeal, Path(folder))
        faults = outcome.shortfalls(each) + outcome.verdict.told()
        kills, is_right = kills + outcome.kills, is_right and not faults
        sys.stdout.write("\n  ".join([f"{'FAIL' if faults else 'PASS'} {outcome}", *faults]) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{'PASS' if is_right else 'FAIL'} kills={kills}\n")
    return not is_right


if __name__ == "__main__":
    sys.exit(main())
