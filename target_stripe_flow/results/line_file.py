"""A file of lines to which several processes append. A line that a full disk or a kill has cut is never continued."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# A longer line is read in pieces: it is no line of ours, and it would have to fit into memory.
LONGEST_LINE_BYTES = 16 << 20
# Another process appends within milliseconds. A stopped one must not hold up this one: then its lock is not waited for.
WAIT_S = 5.0
_RETRY_EVERY_S = 0.01


class LineFile:
    """A regular file, made with mode 600. Not safe to share between threads; raises OSError."""

    def __init__(self, path: Path) -> None:
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        except ValueError:  # a NUL, or a character that the file system cannot encode
            raise OSError(errno.EINVAL, "a path cannot contain these characters") from None
        if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            os.close(self.descriptor)
            raise OSError(errno.EINVAL, "it is not a regular file")
        self._read_to = 0
        self._is_locked = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among the processes that use this lock: to read what is new and to append."""
        self._is_locked = self._lock()
        try:
            yield
        finally:
            if self._is_locked:
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
                self._is_locked = False

    def _lock(self) -> bool:
        until_s = time.monotonic() + WAIT_S
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until_s:
                    return False
                time.sleep(_RETRY_EVERY_S)
            except OSError:  # a file system without locks
                return False
            else:
                return True

    def was_cut_short(self) -> bool:
        """Whether somebody has emptied or shortened the file since it was read; it is then read from its start."""
        if os.fstat(self.descriptor).st_size >= self._read_to:
            return False
        self._read_to = 0
        return True

    def new_lines(self) -> Iterator[bytes]:
        """The lines since the last call. Ends a last line that was cut, so that the next one is separate."""
        if os.fstat(self.descriptor).st_size == self._read_to:
            return
        line = b"\n"
        with open(self.descriptor, "rb", closefd=False) as file:
            file.seek(self._read_to)
            while piece := file.readline(LONGEST_LINE_BYTES):
                line = piece
                yield line
        if not line.endswith(b"\n"):
            os.write(self.descriptor, b"\n")
        self._read_to = os.fstat(self.descriptor).st_size

    def append(self, lines: bytes) -> None:
        """Append whole lines; nothing of them where the disk is full. Call it after `new_lines`, under the lock."""
        try:
            while lines:
                lines = lines[os.write(self.descriptor, lines) :]
        except OSError:
            if self._is_locked:  # what follows is ours alone
                with suppress(OSError):
                    os.ftruncate(self.descriptor, self._read_to)
            raise
        self._read_to = os.fstat(self.descriptor).st_size
