"""Group commit: writes of several threads that arrive together are committed in one transaction.

One thread writes the statements of all threads that wait. With 16 workers one commit carries up to 16 rows, and each
worker waits until its row is on disk.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from stripe_flow.api import redaction
from stripe_flow.api.errors import StripeFlowError

# With the values of one row, or of many. Any: the columns' values
Statement = tuple[Executable, dict[str, Any] | list[dict[str, Any]]]


class JournalBroken(StripeFlowError):
    """The journal cannot be read or written, so the run must send nothing more."""


class _Entry:
    def __init__(self, first_key: str, statements: Sequence[Statement]) -> None:
        self.first_key, self.statements = first_key, statements
        self.is_written = False
        self.rows = 0
        self.error: Exception = AssertionError("no thread has written it")


class GroupCommit:
    """Commits statements for many threads. Owns `connection`."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name
        self._waiting: deque[_Entry] = deque()
        self._lock = threading.Lock()

    def write(self, first_key: str, statement: Statement, *if_written: Statement) -> int:
        """The number of rows that `statement` wrote, if the driver knows it; durable when this returns.

        If it wrote no row, the `if_written` statements are skipped. `first_key` is the lowest key among the rows that
        are written. Raises JournalBroken.
        """
        entry = _Entry(first_key, [statement, *if_written])
        self._waiting.append(entry)
        with self._lock:
            if entry in self._waiting:
                self._write_all()
        if not entry.is_written:
            raise broken(self._name, entry.error, was_writing=True) from None
        return entry.rows

    def _write_all(self) -> None:
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            # In the order of the keys, so that two processes that write the same rows never deadlock.
            for entry in sorted(entries, key=lambda entry: entry.first_key):
                first, *if_written = entry.statements
                entry.rows = self._connection.execute(*first).rowcount
                for statement in if_written if entry.rows else ():
                    self._connection.execute(*statement)
            self._connection.commit()
        except Exception as error:  # noqa: BLE001  # each waiting thread must get the error
            with suppress(SQLAlchemyError):  # a lost connection has nothing to roll back
                self._connection.rollback()
            for entry in entries:
                entry.error = error
            return
        for entry in entries:
            entry.is_written = True


def broken(name: str, error: Exception, *, was_writing: bool = False) -> JournalBroken:
    """The JournalBroken for an error of the database, without the row's values, which may be personal data."""
    described = type(error).__name__ if isinstance(error, SQLAlchemyError) else error
    cause = getattr(error, "orig", None) or described
    # PostgreSQL quotes the row from the second line on.
    words = redaction.redact(" ".join(str(cause).partition("\n")[0].split()))
    advice = _advice(error, getattr(cause, "sqlite_errorcode", None))
    if was_writing:
        advice += ". Nothing is lost: the journal has every request that was sent; the next run reconciles them first"
    return JournalBroken(f"the journal {name} cannot be used ({words}): {advice}")


_DAMAGED = (
    "it is damaged, or not a journal. Move it away, make a new one with `stripe-flow journal init`, and refill it with "
    "`stripe-flow journal rebuild`"
)
# SQLite's error codes. https://www.sqlite.org/rescode.html
_ADVICE = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: "make room on its disk and run again",
    sqlite3.SQLITE_IOERR: "its disk is full, limited or failing: fix that and run again",
}


def _advice(error: Exception, sqlite_code: int | None) -> str:
    """What to do next. The lowest byte of SQLite's code is the kind of error."""
    if sqlite_code is None and isinstance(error, OperationalError):
        return "check that the database runs, and the setting journal_url, then run again"
    return _ADVICE.get((sqlite_code or 0) & 0xFF, "fix that and run again")
