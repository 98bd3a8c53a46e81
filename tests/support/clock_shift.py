"""A wrong clock for one process: its time of day is shifted under all that it calls, its monotonic clock is not."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def compiler() -> str | None:
    """What can build the shift here; None where there is no C compiler, or no LD_PRELOAD."""
    return shutil.which("cc") or shutil.which("gcc") if sys.platform == "linux" else None


def build(folder: Path) -> Path:
    """The library that shifts, compiled into `folder`."""
    library = folder / "clock_shift.so"
    line = [str(compiler()), "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(SOURCE)]
    subprocess.run(line, check=True, timeout=60)
    return library


class Shift:
    """A wrong clock that can be turned while the process runs."""

    def __init__(self, library: Path, file: Path) -> None:
        self.seconds = 0
        self._library, self._file = library, file
        self.by(0)

    def by(self, seconds: int) -> None:
        """From now on, for whoever has the environment."""
        self.seconds = seconds
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))

    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT_FILE": str(self._file)}


def shifted(library: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose time of day is `seconds` later (negative: earlier) than this machine's."""
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": str(seconds)}
