"""One process per journal file: a run locks a file beside the journal, and the journal's file itself.

Two names of one file have two lock files, and a lock file that was deleted excludes nobody: the lock on the journal's
file does. It is a lock of flock(2), which on a local disk of Linux is independent of SQLite's own locks of fcntl(2).
SQLite's locks end when the process closes any descriptor of the file, so this module closes its own one last.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.group_commit import JournalBroken

WAIT_S = 60.0
_RETRY_EVERY_S = 0.2


def lock_path(journal: Path) -> Path:
    """The lock file beside the journal, by the journal's real path: two names of one file have one lock."""
    file = journal.resolve()
    return file.with_name(f"{file.name}.lock")


def lock_owner(journal: Path) -> str | None:
    """The pid of the process that has locked the journal, None if no process has. Creates no file, blocks no run."""
    try:
        descriptor = os.open(lock_path(journal), os.O_RDONLY)
    except OSError:
        return None
    try:
        # A shared lock, released at once: a run that starts in this moment tries again a moment later.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _read_pid(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"


class FileLock:
    """An exclusive lock, locked by the constructor. The system releases it when the process ends, however it ends."""

    def __init__(
        self, journal: Path, *, wait_s: float = WAIT_S, on_wait: Callable[[str], None], is_local: bool = True
    ) -> None:
        """Raises Misconfigured if the lock cannot be taken within `wait_s`; the message names the owner.

        Calls `on_wait` once, with a message, if it has to wait. `is_local`: the file is on a disk of this machine; on a
        network file system a lock of the file could exclude SQLite itself.
        """
        self._journal, self._file, self._on_wait = journal, journal.resolve(), on_wait
        self._deadline, self._wait_s, self._is_waiting = time.monotonic() + wait_s, wait_s, False
        self._descriptors: list[int] = []
        path = lock_path(journal)
        try:
            by_name = self._open(path, os.O_RDWR | os.O_CREAT)
            self._acquire(by_name, lambda: f"the process {_read_pid(by_name)}")
            os.ftruncate(by_name, 0)
            os.pwrite(by_name, f"{os.getpid()}\n".encode(), 0)
            path = self._file
            self._opened = self._open(path, os.O_RDONLY)
            if is_local and sys.platform == "linux":
                self._acquire(self._opened, lambda: "a process that has opened it by another name")
        except OSError as error:
            self.release()
            raise Misconfigured(
                f"the lock {path} of the journal cannot be taken ({error.strerror}): fix that, or set journal_url"
            ) from None
        except BaseException:
            self.release()
            raise

    def ensure_same_file(self) -> None:
        """Raises JournalBroken if the journal's path no longer leads to the locked file.

        The rows that this process writes would be lost with the file, and another process could use the new one.
        """
        locked = os.fstat(self._opened)
        try:
            found = self._file.stat()
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != (locked.st_dev, locked.st_ino):
            raise JournalBroken(
                f"the journal {self._journal} was moved, deleted or replaced during this run, so nothing more is sent: "
                "put back the file of this run with its -wal, then run again; if it is lost, run `stripe-flow journal "
                "init` and `stripe-flow journal rebuild`"
            )

    def _open(self, path: Path, flags: int) -> int:
        self._descriptors.append(os.open(path, flags, 0o600))
        return self._descriptors[-1]

    def _acquire(self, descriptor: int, owner: Callable[[], str]) -> None:
        while not _try_lock(descriptor):
            if time.monotonic() >= self._deadline:
                raise Misconfigured(
                    f"the journal {self._journal} is in use by {owner()} and did not become free within "
                    f"{self._wait_s:g} s: wait for that process or end it, or give this connection its own journal_url"
                )
            if not self._is_waiting:
                self._on_wait(
                    f"the journal {self._journal} is in use by {owner()}: waiting up to {self._wait_s:g} s for it"
                )
                self._is_waiting = True
            time.sleep(_RETRY_EVERY_S)

    def release(self) -> None:
        """Unlock, after SQLite has closed the journal. The lock file stays."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
