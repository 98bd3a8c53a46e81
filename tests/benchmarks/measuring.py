"""Runs one process against a sandbox and counts: records on its pipe, requests at the server, memory.

Its first requests are held until the clock runs, so that no process is measured while it starts; the clock stops
at the last bytes on its standard output.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.benchmarks.processes import Process, Used
from tests.support.sandbox import Sandbox

LIST = {"method": "GET", "path": "/v1/charges"}
START_S = 60
POLL_S = 0.005
CHUNK_BYTES = 64 * 1024  # the size of a pipe


class Unmeasured(Exception):
    """Raised with the reason why there is no figure."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A process that works against a sandbox; each record that it writes contains `mark` once.

    `requests`: the match of a fault rule for the requests that count. The process is killed after `at_most_s`, which is
    a failure if it `must_finish`.
    """

    name: str
    sandbox: Sandbox
    command: Sequence[str]
    at_most_s: float
    must_finish: bool = False
    mark: bytes = b'"RECORD"'
    requests: Mapping[str, str] = field(default_factory=lambda: LIST)
    stdin: Path = Path(os.devnull)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The work of one process from its first request to its last record; `asked_s`: to its last request.

    `asked_s` is a bound: until the process was killed, or until the last record less the latency of its request.
    `cpu_s` and `peak_bytes` are those of the whole process, from its start.
    """

    records: int
    requests: int
    seconds: float
    asked_s: float
    cpu_s: float
    peak_bytes: int

    @property
    def records_per_s(self) -> float:
        return self.records / self.seconds

    @property
    def requests_per_s(self) -> float:
        return (self.requests - 1) / self.asked_s


def measure(contender: Contender, latency_ms: int = 0, rules: Sequence[Mapping[str, object]] = ()) -> Reading:
    """Run a process until it is done or its time is over; `rules` are more faults. Raises Unmeasured if it fails."""
    sandbox = contender.sandbox
    hold = {"name": "start", "match": contender.requests, "action": {"kind": "hold"}}
    sandbox.faults(hold, {"name": "slow", "action": {"kind": "latency", "ms": latency_ms}}, *rules)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        process = Process(contender.command, Path(folder), stdin=contender.stdin, errors=errors)
        intake = _Intake(process.output, contender.mark)
        try:
            started = _start(sandbox, intake)
            intake.join(contender.at_most_s)
            is_cut = intake.is_alive()
        finally:
            used = _end(process, intake)
        errors.seek(0)
        _check(contender, intake, used.code, errors, is_cut=is_cut)
    seconds = intake.last_at - started
    return Reading(
        records=intake.records,
        requests=sandbox.fault_state("start")["seen"],
        seconds=seconds,
        asked_s=contender.at_most_s if is_cut else seconds - latency_ms / 1000,
        cpu_s=used.cpu_s,
        peak_bytes=used.peak_bytes,
    )


def growth(small: Reading, large: Reading) -> float:
    """The ratio of the peak memory of two readings."""
    return large.peak_bytes / small.peak_bytes


def last_line(log: str) -> str:
    """The last line of a log."""
    lines = log.splitlines()
    return lines[-1] if lines else "no output"


class _Intake(threading.Thread):
    """Reads a pipe and counts records, as a target would, but parses nothing."""

    def __init__(self, pipe: IO[bytes], mark: bytes) -> None:
        super().__init__(daemon=True)
        self._pipe, self._mark = pipe, mark
        self.records, self.last_at = 0, 0.0
        self.start()

    def run(self) -> None:
        kept = b""  # one byte less than a mark: no mark is missed or counted twice
        while received := os.read(self._pipe.fileno(), CHUNK_BYTES):
            self.last_at = time.perf_counter()
            kept += received
            self.records += kept.count(self._mark)
            kept = kept[1 - len(self._mark) :]


def _start(sandbox: Sandbox, intake: _Intake) -> float:
    """Release the held requests; returns the time of that. Raises Unmeasured if there is no request."""
    deadline_s = time.monotonic() + START_S
    while intake.is_alive() and not sandbox.fault_state("start")["waiting"]:
        if time.monotonic() > deadline_s:
            raise Unmeasured(f"the process sent no request within {START_S} s")
        time.sleep(POLL_S)
    started = time.perf_counter()
    sandbox.release("start")
    return started


def _end(process: Process, intake: _Intake) -> Used:
    """Kill the process unless it is done; returns what it used."""
    if intake.is_alive():
        process.kill()
    intake.join()
    return process.wait()


def _check(contender: Contender, intake: _Intake, code: int, errors: IO[bytes], *, is_cut: bool) -> None:
    """Raises Unmeasured for a process that failed or did not finish."""
    if not is_cut and code:
        raise Unmeasured(f"{contender.name} ended with {code}: {last_line(errors.read().decode(errors='replace'))}")
    if is_cut and contender.must_finish:
        raise Unmeasured(f"{contender.name} was not done after {contender.at_most_s:g} s")
    if not intake.records:
        raise Unmeasured(f"{contender.name} wrote no record")
