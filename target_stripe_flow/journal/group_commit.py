"""Durable writes, several of them in one transaction where they come together.

Whoever holds the pen writes what all the others wait for: with 16 workers a commit carries up to 16 rows, and none of
them goes on before it is on disk.
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

from stripe_flow.api.errors import StripeFlowError

# With the values of one row, or of many. Any: what the columns hold
Statement = tuple[Executable, dict[str, Any] | list[dict[str, Any]]]


class JournalBroken(StripeFlowError):
    """The journal cannot be written or read, so nothing more may be sent."""


class _Entry:
    def __init__(self, about: str, statements: Sequence[Statement]) -> None:
        self.about, self.statements = about, statements
        self.is_written = False
        self.rows = 0
        self.error: Exception = AssertionError("nobody wrote it")


class GroupCommit:
    """Safe to share between threads; owns `connection`."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name
        self._waiting: deque[_Entry] = deque()
        self._pen = threading.Lock()

    def write(self, about: str, statement: Statement, *followed: Statement) -> int:
        """Durable when it returns; how many rows it wrote, where that is known. Raises JournalBroken.

        Where it wrote none, what should have `followed` is not done. `about` is the first of the rows that it touches,
        in the order of their keys.
        """
        entry = _Entry(about, [statement, *followed])
        self._waiting.append(entry)
        with self._pen:
            if entry in self._waiting:
                self._write_all()
        if not entry.is_written:
            raise broken(self._name, entry.error, was_writing=True) from None
        return entry.rows

    def _write_all(self) -> None:
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            # In the order of the keys: two processes that write the same rows then never wait for each other.
            for entry in sorted(entries, key=lambda each: each.about):
                first, *followed = entry.statements
                entry.rows = self._connection.execute(*first).rowcount
                for statement in followed if entry.rows else ():
                    self._connection.execute(*statement)
            self._connection.commit()
        except Exception as error:  # noqa: BLE001  # each of those who wait must hear that nothing was written
            with suppress(SQLAlchemyError):  # a connection that is gone has nothing to take back
                self._connection.rollback()
            for entry in entries:
                entry.error = error
            return
        for entry in entries:
            entry.is_written = True


def broken(name: str, error: Exception, *, was_writing: bool = False) -> JournalBroken:
    """Words for what the database says, without the values, which may be a person's."""
    of_its_own = type(error).__name__ if isinstance(error, SQLAlchemyError) else error
    cause = getattr(error, "orig", None) or of_its_own
    # PostgreSQL's further lines quote the row.
    words = " ".join(str(cause).partition("\n")[0].split())
    advice = _advice(error, getattr(cause, "sqlite_errorcode", None))
    if was_writing:
        advice += ". Nothing is lost: what was sent is written down and will be settled first"
    return JournalBroken(f"the journal {name} cannot be used ({words}): {advice}")


_DAMAGED = (
    "it is damaged, or no journal. Move it away, make a new one with `stripe-flow journal init`, and refill it with "
    "`stripe-flow journal rebuild`"
)
# The kinds of SQLite's trouble. https://www.sqlite.org/rescode.html
_ADVICE = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: "make room on its disk and run again",
    sqlite3.SQLITE_IOERR: "its disk is full, limited or failing: mend that and run again",
}


def _advice(error: Exception, sqlite_code: int | None) -> str:
    """What to do next; the lower byte of a code is the kind."""
    if sqlite_code is None and isinstance(error, OperationalError):
        return "check that the database runs, and the setting journal_url, then run again"
    return _ADVICE.get((sqlite_code or 0) & 0xFF, "mend that and run again")
