"""One process per journal file: a run locks a file beside the journal, and the lock ends with the process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from stripe_flow.api.errors import Misconfigured

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

    def __init__(self, journal: Path, *, wait_s: float = WAIT_S, on_wait: Callable[[str], None]) -> None:
        """Raises Misconfigured if the lock cannot be taken within `wait_s`; the message names the owner.

        Calls `on_wait` once, with a message, if it has to wait.
        """
        path = lock_path(journal)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._acquire(journal, wait_s, on_wait)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise Misconfigured(
                f"the lock {path} of the journal cannot be taken ({error.strerror}): fix that, or set journal_url"
            ) from None

    def _acquire(self, journal: Path, wait_s: float, on_wait: Callable[[str], None]) -> None:
        deadline = time.monotonic() + wait_s
        is_waiting = False
        while not self._try_lock():
            owner = _read_pid(self._descriptor)
            if time.monotonic() >= deadline:
                raise Misconfigured(
                    f"the journal {journal} is in use by the process {owner} and did not become free within "
                    f"{wait_s:g} s: wait for that process or end it, or give this connection its own journal_url"
                )
            if not is_waiting:
                on_wait(f"the journal {journal} is in use by the process {owner}: waiting up to {wait_s:g} s for it")
                is_waiting = True
            time.sleep(_RETRY_EVERY_S)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Unlock. The lock file stays."""
        os.close(self._descriptor)
