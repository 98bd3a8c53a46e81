"""One process per journal: whoever writes holds a lock on a file beside it, which ends with the process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from stripe_flow.api.errors import Misconfigured

WAIT_S = 60.0
_LOOK_EVERY_S = 0.2


def lock_of(journal: Path) -> Path:
    """The file beside it, by its real name: two names of one journal are one journal."""
    file = journal.resolve()
    return file.with_name(f"{file.name}.lock")


def owner_of(journal: Path) -> str | None:
    """The pid of the process that holds it, None if none does. Makes no file, and keeps nobody out."""
    try:
        descriptor = os.open(lock_of(journal), os.O_RDONLY)
    except OSError:
        return None
    try:
        # Shared, and let go of at once: a run that begins in this moment tries again a moment later.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named(descriptor)
    finally:
        os.close(descriptor)
    return None


def _named(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"


class FileLock:
    """Held from the constructor on; the system lets go of it when the process dies, however it dies."""

    def __init__(self, journal: Path, *, wait_s: float = WAIT_S, waiting: Callable[[str], None]) -> None:
        """Raises Misconfigured if the journal does not become free in time, naming the owner, or cannot be locked.

        `waiting` is told once that there is something to wait for.
        """
        path = lock_of(journal)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._hold(journal, wait_s, waiting)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise Misconfigured(
                f"the lock {path} of the journal cannot be taken ({error.strerror}): mend that, or set journal_url"
            ) from None

    def _hold(self, journal: Path, wait_s: float, waiting: Callable[[str], None]) -> None:
        deadline = time.monotonic() + wait_s
        is_told = False
        while not self._try():
            owner = _named(self._descriptor)
            if time.monotonic() >= deadline:
                raise Misconfigured(
                    f"the journal {journal} is in use by the process {owner} and did not become free within "
                    f"{wait_s:g} s: wait for that process or end it, or give this connection a journal_url of its own"
                )
            if not is_told:
                waiting(f"the journal {journal} is in use by the process {owner}: waiting up to {wait_s:g} s for it")
                is_told = True
            time.sleep(_LOOK_EVERY_S)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._descriptor)
