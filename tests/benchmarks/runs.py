"""Whole runs of the tap, each with the state of the one before: what one costs, and what it asks the sandbox for."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Unmeasured, last_line
from tests.benchmarks.plugins import catalog_of, need_settings
from tests.benchmarks.processes import Process
from tests.support.plugins import a_config, command
from tests.support.sandbox import Sandbox

STREAMS = ("charges", "refunds")
TICK_S = 600
A_STATE = b'{"type":"STATE"'
# Not a list: the account of the key, read once a run if `account_ids` names `self`.
WHO_AM_I = "/v1/account"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run, its start included: seconds, processor seconds, bytes of its STATEs, and its requests to lists."""

    seconds: float
    cpu_s: float
    state_bytes: int
    requests: Sequence[Mapping[str, Any]]  # Any: JSON of the sandbox's request log


class Runs:
    """Runs of the tap over some streams, under these settings; the first has no state. Raises Unmeasured."""

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        settings: Mapping[str, object],
        streams: Iterable[str] = STREAMS,
        *,
        at_most_s: float,
    ) -> None:
        folder.mkdir()
        need_settings(folder, *settings)
        self._sandbox, self._folder, self._at_most_s = sandbox, folder, at_most_s
        config, catalog, self._state = a_config(sandbox.url, **settings), folder / "catalog.json", folder / "state.json"
        catalog.write_text(json.dumps(catalog_of(folder, config, *streams)), encoding="utf-8")
        self._command = command("tap_stripe_flow", folder, config, "--catalog", str(catalog))

    def run(self) -> Ran:
        """One run. Raises Unmeasured if it fails or takes too long."""
        before, began = len(self._sandbox.requests()), time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            process = Process(self._line, self._folder, stdin=Path(os.devnull), errors=errors)
            limit = threading.Timer(self._at_most_s, process.kill)
            limit.start()
            states = [line for line in process.output if line.startswith(A_STATE)]
            limit.cancel()
            used, seconds = process.wait(), time.perf_counter() - began
            errors.seek(0)
            if seconds >= self._at_most_s:
                raise Unmeasured(f"the tap was not done after {self._at_most_s:g} s")
            if used.code or not states:
                raise Unmeasured(f"the tap ended with {used.code}: {last_line(errors.read().decode(errors='replace'))}")
        self._state.write_text(json.dumps(json.loads(states[-1])["value"]), encoding="utf-8")
        lists = [each for each in self._sandbox.requests()[before:] if each["path"] != WHO_AM_I]
        return Ran(seconds=seconds, cpu_s=used.cpu_s, state_bytes=sum(map(len, states)), requests=lists)

    def tick(self) -> Ran:
        """One run, ten minutes of the sandbox after the last one."""
        self._sandbox.advance(TICK_S)
        return self.run()

    def settle(self) -> Ran:
        """A backfill and one more run: only then are its last records settled. Returns the backfill."""
        first = self.run()
        self.tick()
        return first

    @property
    def _line(self) -> Sequence[str]:
        return [*self._command, "--state", str(self._state)] if self._state.exists() else self._command


def slow_down(sandbox: Sandbox, latency_ms: int) -> None:
    """Let every request take this long."""
    sandbox.faults({"name": "slow", "action": {"kind": "latency", "ms": latency_ms}})
