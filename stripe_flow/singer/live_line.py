"""One line at the foot of a terminal that changes in place, with everything else that is written there above it.

About sixty lines of our own: rich would cost 50 ms at the start, hide the cursor, so that a kill leaves none, and take
the whole terminal for its own, which a tap and a target in one pipe share.
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

# To the first column, and nothing from there on.
CLEAR = "\r\x1b[K"


def watched_terminal() -> TextIO | None:
    """Standard error, where it is a terminal that can move its cursor and where the log goes; else None."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return None
    handlers = logging.getLogger().handlers
    return stream if handlers and all(getattr(each, "stream", None) is stream for each in handlers) else None


class LiveLine:
    """Takes the place of the terminal as the stream of the log's handlers, from `open` to `close`.

    The cursor waits in the first column and stays visible: whatever else is written there, by this process or another,
    begins at the left, and nothing needs to be put right after a kill.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._turn = Turn(terminal)
        self._text = ""
        self._lock = threading.RLock()
        self._handlers: list[logging.StreamHandler[Any]] = []  # Any: whatever stream they had

    def open(self) -> None:
        handlers = (each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler))
        self._handlers = [each for each in handlers if each.stream is self._terminal]
        for handler in self._handlers:
            handler.setStream(self)
        if sys.stdout is not None and sys.stdout.isatty():
            _over_messages.append(self)

    def close(self) -> None:
        """The line is gone, and the terminal as it was."""
        for handler in self._handlers:
            handler.setStream(self._terminal)
        with contextlib.suppress(ValueError):  # it was not among them
            _over_messages.remove(self)
        with contextlib.suppress(OSError):  # the terminal is gone
            self.draw("")
        self._turn.end()

    def draw(self, text: str) -> None:
        """Show this, as far as it fits; nothing while the line is another process's."""
        with self._lock:
            before, self._text = self._text, self._fitting(text)
            if not before and not text:
                return
            if self._turn.is_ours():
                self._put("")
            else:
                self._text = ""  # what stands there now is another's, or a person's

    def write(self, text: str) -> int:
        """Whole lines, above it."""
        with self._lock:
            self._put(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits here."""

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Inside, whole lines may be written to the terminal by other ways."""
        with self._lock:
            self._terminal.write(CLEAR)
            self._terminal.flush()
            yield
            self._put("")

    def _put(self, above: str) -> None:
        shown = f"{self._text}\r" if self._text else ""
        self._terminal.write(f"{CLEAR}{above}{shown}")
        self._terminal.flush()

    def _fitting(self, text: str) -> str:
        try:
            columns = os.get_terminal_size(self._terminal.fileno()).columns
        except OSError:
            columns = 0
        return text[: (columns or 80) - 1]


class Turn:
    """At most one process has its line on a terminal: who was there first, and when that ends the next one."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):  # it has no name in this container: then there is nobody to agree with
            self._descriptor = os.open(os.ttyname(terminal.fileno()), os.O_WRONLY | os.O_NOCTTY)

    def is_ours(self) -> bool:
        """Take it if it is free. What runs in the background stays away from the person's prompt."""
        try:
            is_behind = os.tcgetpgrp(self._terminal.fileno()) != os.getpgrp()
        except OSError:  # it controls no process of this session
            is_behind = False
        if is_behind:
            return False
        if self._descriptor is None:
            return True
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def end(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


# The lines on a terminal that Singer messages go to as well: one, or none.
_over_messages: list[LiveLine] = []


@contextmanager
def lifted() -> Iterator[None]:
    """Inside, whole lines may be written to standard output, wherever it goes."""
    with contextlib.ExitStack() as stack:
        for line in _over_messages:
            stack.enter_context(line.lifted())
        yield
