"""The cost of discovery in addition to that of every SDK tap."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measuring import Unmeasured
from tests.support.plugins import clean_env, command

AT_MOST_S = 60


def seconds_beyond_the_sdk(rounds: int) -> list[float]:
    """Processor seconds, which other processes disturb less than elapsed time. Raises Unmeasured."""
    with tempfile.TemporaryDirectory() as folder:
        discovery = command("tap_stripe_flow", Path(folder), {"api_key": "sk_test_x"}, "--discover")
        nothing = [sys.executable, "-c", "import singer_sdk"]
        _cpu_s(discovery)  # the first run writes Python's compiled files
        return [_cpu_s(discovery) - _cpu_s(nothing) for _ in range(rounds)]


def _cpu_s(line: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(line, env=clean_env(), capture_output=True, timeout=AT_MOST_S, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Unmeasured(done.stderr.decode()[-500:])
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
