"""An idle run over the connected accounts of one platform."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.runs import Ran, Runs, slow_down
from tests.support.sandbox import Sandbox

LATENCY_MS = 100
AT_MOST_S = 300
SETTINGS = {"streams_at_once": 32, "concurrency": 32}


@dataclass(frozen=True, kw_only=True)
class IdleTick:
    """An idle run of `accounts` accounts, and one of a single account, whose processor seconds are those of a start."""

    accounts: int
    many: Ran
    one: Ran

    @property
    def cpu_ms_per_account(self) -> float:
        """Processor milliseconds of one more account."""
        return 1000 * (self.many.cpu_s - self.one.cpu_s) / (self.accounts - 1)


def idle_ticks(rounds: int, count: int) -> list[IdleTick]:
    """Round by round. Raises Unmeasured."""
    accounts = [f"acct_{number:05d}" for number in range(count)]
    with tempfile.TemporaryDirectory() as name, _platform(Path(name), accounts) as sandbox:
        many, one = (_settled(sandbox, Path(name), each) for each in (accounts, accounts[:1]))
        slow_down(sandbox, LATENCY_MS)
        return [IdleTick(accounts=count, many=many.tick(), one=one.tick()) for _ in range(rounds)]


def _settled(sandbox: Sandbox, folder: Path, accounts: Sequence[str]) -> Runs:
    settings = {"account_ids": list(accounts), **SETTINGS}
    runs = Runs(sandbox, folder / str(len(accounts)), settings, at_most_s=AT_MOST_S)
    runs.settle()
    return runs


def _platform(folder: Path, accounts: Sequence[str]) -> Sandbox:
    keys = folder / "keys.json"
    own = {Sandbox.key: {"account": accounts[0]}}
    keys.write_text(json.dumps({"accounts": {each: {} for each in accounts}, "keys": own}), encoding="utf-8")
    return Sandbox("--keys", str(keys))
