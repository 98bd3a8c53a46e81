"""The official client reads a large account, too slowly for every test run.

`python -m tests.stripe_flow_sandbox.judge_official`

Does its auto-paging give each of 100,000 charges once, many of which share their second?
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from tests.stripe_flow_sandbox.builders import a_client
from tests.support.sandbox import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=100_000)
    options = parser.parse_args()
    with Sandbox("--seed", "3", "--charges", str(options.charges)) as sandbox:
        charges = a_client(sandbox).charges.list({"limit": 100}).auto_paging_iter()
        # One more than exist, so that paging that never ends fails too.
        found = [(each.id, each.created) for each in islice(charges, options.charges + 1)]
    distinct, seconds = ({each[member] for each in found} for member in (0, 1))
    is_complete = len(found) == len(distinct) == options.charges
    verdict = "PASS" if is_complete else "FAIL"
    sys.stdout.write(f"{verdict} read={len(found)} distinct={len(distinct)} seconds={len(seconds)}\n")
    return not is_complete


if __name__ == "__main__":
    sys.exit(main())
