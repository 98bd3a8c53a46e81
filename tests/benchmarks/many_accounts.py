"""The cost of an idle tick over many accounts, in terms of half as many."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import Unmeasured, last_line
from tests.benchmarks.plugins import catalog_of, ended_well
from tests.benchmarks.processes import Process
from tests.benchmarks.ticks import STREAMS, TICK_S
from tests.support.plugins import a_config, command, run_tap
from tests.support.sandbox import Sandbox

ACCOUNTS = 400
A_STATE = b'{"type":"STATE"'


@dataclass(frozen=True, kw_only=True)
class IdleTick:
    """An idle tick of `ACCOUNTS` accounts: processor seconds, those of half the accounts, bytes of the STATEs."""

    cpu_s: float
    half_cpu_s: float
    state_bytes: int

    @property
    def growth(self) -> float:
        return self.cpu_s / self.half_cpu_s


def idle_ticks(rounds: int) -> list[IdleTick]:
    """Ticks under `capture: changes`. Raises Unmeasured."""
    accounts = [f"acct_{number:04d}" for number in range(ACCOUNTS)]
    with tempfile.TemporaryDirectory() as name:
        keys = Path(name) / "keys.json"
        own = {Sandbox.key: {"account": accounts[0]}}
        keys.write_text(json.dumps({"accounts": {each: {} for each in accounts}, "keys": own}), encoding="utf-8")
        with Sandbox("--keys", str(keys)) as sandbox:
            half, whole = (_Ticks(sandbox, Path(name) / str(len(each)), each) for each in (accounts[::2], accounts))
            found = []
            for _ in range(rounds):
                sandbox.advance(TICK_S)
                (half_cpu_s, _), (cpu_s, state_bytes) = half.run(), whole.run()
                found.append(IdleTick(cpu_s=cpu_s, half_cpu_s=half_cpu_s, state_bytes=state_bytes))
            return found


class _Ticks:
    """Runs over the same accounts, each with the state of the one before; the first is made at once."""

    def __init__(self, sandbox: Sandbox, folder: Path, accounts: Sequence[str]) -> None:
        folder.mkdir()
        config = a_config(sandbox.url, capture="changes", account_ids=list(accounts))
        catalog, self._state, self._folder = folder / "catalog.json", folder / "state.json", folder
        catalog.write_text(json.dumps(catalog_of(folder, config, *STREAMS)), encoding="utf-8")
        first = ended_well(run_tap(folder, config, "--catalog", str(catalog)))
        self._state.write_text(json.dumps(first.states[-1]), encoding="utf-8")
        files = ("--catalog", str(catalog), "--state", str(self._state))
        self._command = command("tap_stripe_flow", folder, config, *files)

    def run(self) -> tuple[float, int]:
        """The processor seconds of a run, and the bytes of its STATEs."""
        with tempfile.TemporaryFile() as errors:
            process = Process(self._command, self._folder, stdin=Path(os.devnull), errors=errors)
            lines = [line for line in process.output if line.startswith(A_STATE)]
            used = process.wait()
            errors.seek(0)
            if used.code or not lines:
                raise Unmeasured(f"the tap ended with {used.code}: {last_line(errors.read().decode(errors='replace'))}")
        self._state.write_text(json.dumps(json.loads(lines[-1])["value"]), encoding="utf-8")
        return used.cpu_s, sum(map(len, lines))
