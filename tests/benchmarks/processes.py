"""A process whose time and memory are measured, independent of the size of the process that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.plugins import clean_env

SMALL = Path(__file__).with_name("small.py")


@dataclass(frozen=True, kw_only=True)
class Used:
    """The exit code (negative: the signal), processor seconds, and the peak of resident memory."""

    code: int
    cpu_s: float
    peak_bytes: int


class Process:
    """A process in `folder`; its output is a pipe, its standard error goes into `errors`."""

    def __init__(self, command: Sequence[str], folder: Path, *, stdin: Path, errors: IO[bytes]) -> None:
        reading, writing = os.pipe()
        with stdin.open("rb") as read:
            self._small = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SMALL), str(writing), *command],
                cwd=folder,
                env=clean_env(),
                stdin=read,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=[writing],
            )
        os.close(writing)
        self._report = os.fdopen(reading, encoding="utf-8")
        self.pid = int(self._report.readline())
        assert self._small.stdout is not None
        self.output: IO[bytes] = self._small.stdout

    def kill(self) -> None:
        """Kill it. Call this only while it runs: later its pid may be another process's."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Used:
        """Wait for its end; returns what it used."""
        with self._report:
            used = Used(**json.loads(self._report.read()))
        self._small.wait()
        self.output.close()
        return used
