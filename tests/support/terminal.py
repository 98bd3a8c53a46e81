"""A terminal as a user has it: it runs a command, shows its output and takes keys."""

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
    """Runs one shell command, which ends with the block."""

    def __init__(self, line: str, folder: Path, **env: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (LINES, COLUMNS))
        self._arrived = threading.Condition()
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
        """Return once this text was written, wherever it is now."""
        self.wait_until(lambda raw: text.encode() in raw)

    def wait_until(self, holds: Callable[[bytes], bool]) -> None:
        """Return once `holds` is true of all output so far."""
        with self._arrived:
            self._arrived.wait_for(lambda: holds(self.raw) or self._is_over, LIFE_S)
            assert holds(self.raw), self.raw.decode()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def code(self) -> int:
        """The exit code of the command, once it has ended and its output is complete."""
        code = self._shell.wait(LIFE_S)
        self._reader.join(LIFE_S)
        return code

    @property
    def screen(self) -> list[str]:
        """The lines on the screen, without empty ones."""
        return drawn([self.raw])[-1]

    @property
    def screens(self) -> Iterator[list[str]]:
        """The screen after each return of the cursor to the left."""
        yield from drawn(re.split(rb"(?<=\r)(?!\n)", self.raw))

    def _read(self) -> None:
        while not self._is_over:
            try:
                received = os.read(self._master, 1 << 16)
            except OSError:  # no process has it open any more
                received = b""
            with self._arrived:
                self.raw += received
                self._is_over = not received
                self._arrived.notify_all()


def drawn(steps: Sequence[bytes]) -> list[list[str]]:
    """The lines on the terminal after each step."""
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
