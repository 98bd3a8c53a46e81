"""A process of which in the end is known what it used, however large the process is that started it."""

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
    """The exit code (negative: the signal), seconds of a processor, and the peak of the resident memory."""

    code: int
    cpu_s: float
    peak_bytes: int


class Process:
    """Started in `folder`; its output is a pipe, its errors go into `errors`."""

    def __init__(self, command: Sequence[str], folder: Path, *, given: Path, errors: IO[bytes]) -> None:
        told, tells = os.pipe()
        with given.open("rb") as read:
            self._small = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SMALL), str(tells), *command],
                cwd=folder,
                env=clean_env(),
                stdin=read,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=[tells],
            )
        os.close(tells)
        self._told = os.fdopen(told, encoding="utf-8")
        self.pid = int(self._told.readline())
        assert self._small.stdout is not None
        self.output: IO[bytes] = self._small.stdout

    def kill(self) -> None:
        """Only while it writes: its pid is not another's then."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Used:
        """To the end."""
        with self._told:
            used = Used(**json.loads(self._told.read()))
        self._small.wait()
        self.output.close()
        return used
