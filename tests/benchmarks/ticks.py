"""The requests of a run that finds nothing new, ten minutes after the last one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.runs import STREAMS, Runs
from tests.benchmarks.scale import DAYS
from tests.support.sandbox import Sandbox

CHARGES = 300
AT_MOST_S = 60


def list_requests_of_ticks(rounds: int, **settings: object) -> list[float]:
    """List requests per stream and account, tick after tick. Raises Unmeasured."""
    accounts = settings.get("account_ids")
    lists = len(STREAMS) * (len(accounts) if isinstance(accounts, list) else 1)
    with (
        Sandbox("--seed", "1", "--charges", str(CHARGES), "--days", str(DAYS)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        runs = Runs(sandbox, Path(folder) / "runs", settings, at_most_s=AT_MOST_S)
        runs.settle()
        return [len(runs.tick().requests) / lists for _ in range(rounds)]
