"""A shifted clock for one process and its children: the time of day is shifted, the monotonic clock is not.

`python -m tests.support.clock_shift DAYS COMMAND …` runs a command on another date.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
DAY_S = 86_400


def compiler() -> str | None:
    """The C compiler; None without one, and on systems without LD_PRELOAD."""
    return shutil.which("cc") or shutil.which("gcc") if sys.platform == "linux" else None


def build(folder: Path) -> Path:
    """The library that shifts the clock, compiled into `folder`."""
    library = folder / "clock_shift.so"
    line = [str(compiler()), "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(SOURCE)]
    subprocess.run(line, check=True, timeout=60)
    return library


class Shift:
    """A shifted clock that can be changed while the process runs."""

    def __init__(self, library: Path, file: Path) -> None:
        self.seconds = 0
        self._library, self._file = library, file
        self.by(0)

    def by(self, seconds: int) -> None:
        """Shift the clock of all processes with this environment, from now on."""
        self.seconds = seconds
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", own_shift_s() + seconds))

    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT_FILE": str(self._file)}


def shifted(library: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose time of day is `seconds` later (negative: earlier) than this one's."""
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": str(own_shift_s() + seconds)}


def own_shift_s() -> int:
    """How far this process's own date is shifted; others are shifted from there."""
    return int(os.environ.get("CLOCK_SHIFT_S", "0"))


def main() -> int:
    """The exit code of the command."""
    days, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        env = shifted(build(Path(folder)), int(days) * DAY_S)
        return subprocess.run(command, env=os.environ | env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
