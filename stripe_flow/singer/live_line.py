"""One line at the bottom of a terminal that is redrawn in place, below all other output.

About sixty lines of our own: rich would cost 50 ms at the start, hide the cursor, so that a kill leaves none, and take
the whole terminal, which a tap and a target in one pipe share.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Moves to the first column and erases the line.
CLEAR = "\r\x1b[K"


def find_terminal() -> TextIO | None:
    """Standard error, if it is a terminal that can move its cursor and all logs are written to it; else None."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return None
    handlers = logging.getLogger().handlers
    return stream if handlers and all(getattr(handler, "stream", None) is stream for handler in handlers) else None


class LiveLine:
    """The live line; from `open` to `close` it is the stream of the log's handlers instead of the terminal.

    The cursor waits in the first column and stays visible: other output, from this process or another, begins at the
    left, and nothing needs to be restored after a kill.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._terminal_lock = TerminalLock(terminal)
        self._text = ""
        self._lock = threading.RLock()
        self._handlers: list[logging.StreamHandler[Any]] = []  # Any: handlers of any stream

    def open(self) -> None:
        """Write the logs of the terminal above the line from now on."""
        handlers = (each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler))
        self._handlers = [handler for handler in handlers if handler.stream is self._terminal]
        for handler in self._handlers:
            handler.setStream(self)
        if sys.stdout is not None and sys.stdout.isatty():
            _lines_on_stdout.append(self)

    def close(self) -> None:
        """Erase the line and write logs to the terminal again."""
        for handler in self._handlers:
            handler.setStream(self._terminal)
        with contextlib.suppress(ValueError):  # standard output is no terminal
            _lines_on_stdout.remove(self)
        with contextlib.suppress(OSError):  # the terminal was closed
            self.draw("")
        self._terminal_lock.release()

    def draw(self, text: str) -> None:
        """Show `text`, cut to the width of the terminal; nothing while another process has a line there."""
        with self._lock:
            before, self._text = self._text, self._truncate(text)
            if not before and not text:
                return
            if self._terminal_lock.acquire():
                self._write_above("")
            else:
                self._text = ""  # the line on the terminal is another process's, or a person's

    def write(self, text: str) -> int:
        """Write whole lines above the live line."""
        with self._lock:
            self._write_above(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` flushes."""

    @contextmanager
    def erased(self) -> Iterator[None]:
        """Erase the line inside the block, so that whole lines can be written to the terminal directly."""
        with self._lock:
            self._terminal.write(CLEAR)
            self._terminal.flush()
            yield
            self._write_above("")

    def _write_above(self, lines: str) -> None:
        live = f"{self._text}\r" if self._text else ""
        self._terminal.write(f"{CLEAR}{lines}{live}")
        self._terminal.flush()

    def _truncate(self, text: str) -> str:
        try:
            columns = os.get_terminal_size(self._terminal.fileno()).columns
        except OSError:
            columns = 0
        return text[: (columns or 80) - 1]


class TerminalLock:
    """Lets one process at a time have its line on a terminal: the first one, and when that ends the next one."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):  # inside a container it may have no name: then no process can share it
            self._descriptor = os.open(os.ttyname(terminal.fileno()), os.O_WRONLY | os.O_NOCTTY)

    def acquire(self) -> bool:
        """Whether this process has the lock, or could take it now; never in the background, beside a shell's prompt."""
        try:
            is_in_background = os.tcgetpgrp(self._terminal.fileno()) != os.getpgrp()
        except OSError:  # the terminal controls no process of this session
            is_in_background = False
        if is_in_background:
            return False
        if self._descriptor is None:
            return True
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Let the next process have its line."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


# The live line of this process if standard output is a terminal, too: one or none.
_lines_on_stdout: list[LiveLine] = []


@contextmanager
def live_line_erased() -> Iterator[None]:
    """Erase the live line inside the block, so that whole lines can be written to standard output."""
    with contextlib.ExitStack() as stack:
        for line in _lines_on_stdout:
            stack.enter_context(line.erased())
        yield
