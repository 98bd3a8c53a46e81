"""A journal in memory over one that is only read: what a run writes, the run sees, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.journal.location import Location
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.ownership import SoleOwner, Taken
from target_stripe_flow.journal.schema import accepted_lists, account_labels, attempts, needs_rebuild, sources
from target_stripe_flow.journal.store import Journal

# These tables have few rows, so they are copied whole; of `attempts` only what the run writes.
_SMALL = (accepted_lists, account_labels, needs_rebuild, sources)


class _NoWaiting(SoleOwner):
    """Nobody else writes to memory, so every row may be taken at once, also one that another worker is sending now."""

    def names_other_owner(self, attempt: Attempt) -> bool:
        """Whether the row was read from the other journal while a worker owned it."""
        return attempt.owner is not None


class OverlayJournal(Journal):
    """The rows of the journal `behind`. A row that is written is first copied, with all rows of its identity."""

    def __init__(self, name: str, reader: Connection, writer: Connection, behind: Journal) -> None:
        """`reader` and `writer` are of an empty journal in memory. Raises JournalBroken."""
        super().__init__(name, reader, writer, _NoWaiting())
        self._memory = Journal(name, reader, writer)
        self._behind = behind
        self._copied: set[str] = set()
        self._has_open_rows: set[tuple[str, str]] = set()
        for table in _SMALL:
            if rows := [dict(row._mapping) for row in behind.ask(select(table))]:  # noqa: SLF001  # SQLAlchemy documents it
                self._memory.write("", (insert(table), rows))

    def latest(self, digest: str) -> Attempt | None:
        return self._side(digest).latest(digest)

    def latest_update(self, digest: str) -> Attempt | None:
        return self._side(digest).latest_update(digest)

    def find_object_id(self, digest: str, fingerprint: str, accepted: str) -> str | None:
        return self._side(digest).find_object_id(digest, fingerprint, accepted)

    def attempts_of(self, digest: str) -> list[Attempt]:
        return self._side(digest).attempts_of(digest)

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """The open attempts as of the first call, other workers' too, and what this run has made of them since."""
        if (account, mode) not in self._has_open_rows:
            self._has_open_rows.add((account, mode))
            for row in self._behind.open_attempts(account, mode):
                self._copy(row.digest)
        return super().open_attempts(account, mode)

    def open_attempt(self, attempt: Attempt) -> None:
        """Add the row to memory. Raises Superseded."""
        self._copy(attempt.digest)
        super().open_attempt(attempt)

    def change(self, attempt: Attempt, *, was: Attempt) -> None:
        """Replace the row in memory. Raises Superseded."""
        self._copy(attempt.digest)
        super().change(attempt, was=was)

    def take(self, attempt: Attempt) -> Taken | None:
        """Take the row in memory, also if a worker owns it in the journal behind."""
        self._copy(attempt.digest)
        return super().take(attempt)

    def accounts(self) -> list[tuple[str, str]]:
        return self._behind.accounts()

    def knows(self, account: str, mode: str, **columns: str) -> bool:
        return self._behind.knows(account, mode, **columns)

    def find_source_key(self, account: str, mode: str, action: str, source_name: str) -> tuple[str, ...] | None:
        return self._behind.find_source_key(account, mode, action, source_name)

    def count_records(self, account: str, mode: str, action: str) -> dict[str | None, int]:
        return self._behind.count_records(account, mode, action)

    def ask(self, query: Select[Any]) -> Sequence[Row[Any]]:  # Any: what the query selects
        """The rows of a query; those of `attempts` as they were before the run."""
        return self._behind.ask(query) if attempts in query.get_final_froms() else super().ask(query)

    def _side(self, digest: str) -> Journal:
        return self._memory if digest in self._copied else self._behind

    def _copy(self, digest: str) -> None:
        if digest not in self._copied:
            self._memory.add(self._behind.attempts_of(digest))
            self._copied.add(digest)


@contextmanager
def open_overlay(location: Location) -> Iterator[Journal]:
    """The journal at `location` as a run would see and change it; nothing there changes.

    Raises Outdated if it is of an older release, and JournalBroken.
    """
    with open_in_memory() as (reader, writer):
        if not location.is_there():
            yield Journal(str(location), reader, writer)
            return
        with location.open_read_only() as behind:
            yield OverlayJournal(str(location), reader, writer, behind)
