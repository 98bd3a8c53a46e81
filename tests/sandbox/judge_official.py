"""The official client reads a large account, too slowly for every test run: `python -m tests.sandbox.judge_official`.

Does its auto-paging give each of 100,000 charges once, many of which share their second?
"""

from __future__ import annotations

import argparse
import sys

from tests.sandbox.builders import a_client
from tests.support.sandbox import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=100_000)
    asked = parser.parse_args()
    with Sandbox("--seed", "3", "--charges", str(asked.charges)) as sandbox:
        found = [each.id for each in a_client(sandbox).charges.list({"limit": 100}).auto_paging_iter()]
    is_right = len(found) == len(set(found)) == asked.charges
    sys.stdout.write(f"{'PASS' if is_right else 'FAIL'} read={len(found)} distinct={len(set(found))}\n")
    return not is_right


if __name__ == "__main__":
    sys.exit(main())
