"""A terminal with a person in front of it: what is run in it, what stands on it, and what is typed."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from tests.support.plugins import clean_env

# Wide enough for any line of the log, and long enough for all of them.
COLUMNS, LINES = 400, 400
LIFE_S = 90

# Makes its standard streams the terminal that controls it, as a shell's are, and becomes the shell.
LOGIN = "import os, sys; os.login_tty(0); os.execvp('sh', ['sh', '-c', sys.argv[1]])"
CTRL_C = b"\x03"


class Terminal:
    """Runs one line of a shell, which ends with the block."""

    def __init__(self, line: str, folder: Path, **env: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (LINES, COLUMNS))
        self._came = threading.Condition()
        self._is_over = False
        self.raw = b""
        self._shell = subprocess.Popen(
            [sys.executable, "-c", LOGIN, line],
            cwd=folder,
            env=clean_env(**({"TERM": "xterm"} | env)),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shell.kill()
        self._shell.wait()
        self._reader.join(LIFE_S)
        os.close(self._master)

    def wait_for(self, text: str) -> None:
        """Come back once this was written, wherever it stands now."""
        self.wait_until(lambda raw: text.encode() in raw)

    def wait_until(self, is_so: Callable[[bytes], bool]) -> None:
        """Come back once it is so of all that was written."""
        with self._came:
            self._came.wait_for(lambda: is_so(self.raw) or self._is_over, LIFE_S)
            assert is_so(self.raw), self.raw.decode()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def code(self) -> int:
        """Of the line, once it is over and all that it wrote is there."""
        code = self._shell.wait(LIFE_S)
        self._reader.join(LIFE_S)
        return code

    @property
    def screen(self) -> list[str]:
        """What stands on it, empty lines left out."""
        return drawn([self.raw])[-1]

    @property
    def screens(self) -> Iterator[list[str]]:
        """What stood on it after each step of the cursor back to the left."""
        yield from drawn(re.split(rb"(?<=\r)(?!\n)", self.raw))

    def _read(self) -> None:
        while not self._is_over:
            try:
                came = os.read(self._master, 1 << 16)
            except OSError:  # nobody has it open any more
                came = b""
            with self._came:
                self.raw += came
                self._is_over = not came
                self._came.notify_all()


def drawn(steps: Sequence[bytes]) -> list[list[str]]:
    """What stands on the terminal after each of them."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    seen = []
    for step in steps:
        stream.feed(step)
        rows = [screen.buffer[number] for number in sorted(screen.buffer)]
        lines = ["".join(row[column].data for column in range(max(row, default=-1) + 1)).rstrip() for row in rows]
        seen.append([line for line in lines if line])
    return seen


def shell_words(line: Sequence[str]) -> str:
    """A command line as a shell takes it."""
    return shlex.join(line)
