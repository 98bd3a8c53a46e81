"""The cost of the report of a long journal.

`python -m tests.benchmarks.reports FOLDER COUNT` makes a journal of COUNT attempts, of all states, in FOLDER. A process
of its own: it takes the memory that makes it fast.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from target_stripe_flow.journal.location import JOURNAL_FILE
from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.processes import Process
from tests.benchmarks.scale import Scale
from tests.stripe_flow_cli.report.journals import attempts, fill

FILL_S = 300
PAGE = "report.html"
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Made:
    """Seconds of the whole command, its peak memory, and the size of the page."""

    seconds: float
    peak_mib: float
    page_mib: float


def reports(rounds: int, scale: Scale) -> list[Made]:
    """Round by round, over one journal. Raises Unmeasured."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "tests.benchmarks.reports", folder, str(scale.journal_rows)]
        if subprocess.run(line, timeout=FILL_S, check=False).returncode:
            raise Unmeasured("the journal could not be filled")
        return [_made(Path(folder)) for _ in range(rounds)]


def _made(folder: Path) -> Made:
    line = [sys.executable, "-m", "stripe_flow_cli", "journal", "report", "--output", PAGE]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = Process(line, folder, stdin=Path(os.devnull), errors=errors)
        process.output.read()
        used = process.wait()
    seconds = time.perf_counter() - began
    if used.code:
        raise Unmeasured(f"the report ended with {used.code}")
    page = (folder / PAGE).stat().st_size
    return Made(seconds=seconds, peak_mib=used.peak_bytes / MIB, page_mib=page / MIB)


if __name__ == "__main__":
    fill(Path(sys.argv[1]) / JOURNAL_FILE, attempts(int(sys.argv[2])))
