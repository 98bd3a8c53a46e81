"""The tap behind a slow link, and the same tap that does not ask for gzip."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measuring import Contender, measure
from tests.benchmarks.plugins import tap_command
from tests.benchmarks.scale import DAYS, Scale
from tests.support.sandbox import Sandbox

MBIT_PER_S = 20
LINK = {"name": "link", "action": {"kind": "bandwidth", "mbit_per_s": MBIT_PER_S}}


def gains_of_gzip(rounds: int, scale: Scale) -> list[float]:
    """The ratio of charges per second, with in terms of without, round by round. Raises Unmeasured."""
    options = f"--seed 1 --charges {scale.linked_charges} --days {DAYS}".split()
    with Sandbox(*options) as sandbox, tempfile.TemporaryDirectory() as folder:
        _, _, module, *files = tap_command(Path(folder), sandbox.url, 0)
        ways = ([sys.executable, "-m", module, *files], [sys.executable, "-m", "tests.benchmarks.ungzipped", *files])
        return [_rate(sandbox, ways[0], scale) / _rate(sandbox, ways[1], scale) for _ in range(rounds)]


def _rate(sandbox: Sandbox, line: Sequence[str], scale: Scale) -> float:
    contender = Contender(name="tap", sandbox=sandbox, command=line, at_most_s=scale.tap_s, must_finish=True)
    return measure(contender, rules=[LINK]).records_per_s
