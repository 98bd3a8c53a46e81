"""Reads and writes the rows of a journal. What a method writes is durable when it returns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    TextClause,
    bindparam,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from target_stripe_flow.attempts.attempt import Attempt, read_attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, State
from target_stripe_flow.journal.group_commit import GroupCommit, Statement, broken
from target_stripe_flow.journal.ownership import Ownership, SoleOwner, Superseded, Taken
from target_stripe_flow.journal.schema import accepted_lists, attempts

_KEY = ("digest", "attempt", "revision")
_IS_ORIGIN = attempts.c.revision == 0
_OF_DIGEST = select(attempts).where(attempts.c.digest == bindparam("digest"))
_LATEST = _OF_DIGEST.where(_IS_ORIGIN).order_by(attempts.c.attempt.desc()).limit(1)
_LATEST_UPDATE = _OF_DIGEST.where(~_IS_ORIGIN).order_by(attempts.c.attempt.desc(), attempts.c.revision.desc()).limit(1)
# A replay reads this for each record. These four columns are three times as fast as a whole row, and the driver without
# SQLAlchemy is six times as fast as both.
# The last row of an identity is the latest attempt, or its latest update: while that is open or was refused, `latest`
# and `latest_update` have the details.
_LATEST_FACTS = """SELECT state, fingerprint, accepted, stripe_id FROM attempts
    WHERE digest = {} ORDER BY attempt DESC, revision DESC LIMIT 1"""
_PLACEHOLDERS = {"qmark": "?", "pyformat": "%s"}
# As a literal: with a bound list the database would not use the index of open attempts.
_IS_OPEN = attempts.c.state.in_(bindparam("states", sorted(OPEN), expanding=True, literal_execute=True))
_OPEN = select(attempts).where(
    attempts.c.account == bindparam("account"), attempts.c.mode == bindparam("mode"), _IS_OPEN
)
_UPDATE = update(attempts).where(
    attempts.c.digest == bindparam("of_digest"),
    attempts.c.attempt == bindparam("of_attempt"),
    attempts.c.revision == bindparam("of_revision"),
)
# The row must be as it was read: a process that was stopped meanwhile must overwrite nothing.
_UPDATE_IF_SAME = _UPDATE.where(
    attempts.c.state == bindparam("was_state"), attempts.c.owner.is_not_distinct_from(bindparam("was_owner"))
)


def insert_absent(table: Table) -> TextClause:
    """An INSERT that skips an existing row, in SQL that both databases accept."""
    names = table.columns.keys()
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    return text(f"INSERT INTO {table.name} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608  # only our own names


_ADD = insert_absent(attempts)
_KEEP_SHAPE = insert_absent(accepted_lists)


class Journal:
    """The rows of a journal. Safe to share between threads. Every method may raise JournalBroken."""

    def __init__(self, name: str, reader: Connection, writer: Connection, ownership: Ownership | None = None) -> None:
        """Without `ownership` this process uses the journal alone."""
        self.name = name
        self.ownership = ownership or SoleOwner()
        self._reader = reader
        self._reading = threading.Lock()
        self._group_commit = GroupCommit(writer, name)

    def latest(self, digest: str) -> Attempt | None:
        """The latest attempt to create the object of an identity."""
        found = self._read_attempts(_LATEST, digest=digest)
        return found[0] if found else None

    def latest_update(self, digest: str) -> Attempt | None:
        """The latest attempt to update the object of an identity."""
        found = self._read_attempts(_LATEST_UPDATE, digest=digest)
        return found[0] if found else None

    def find_object_id(self, digest: str, fingerprint: str, accepted: str) -> str | None:
        """The id of the object of exactly this record. None: not known here; `latest` has the details."""
        for state, stored, stored_list, stripe_id in self._read_latest_facts(digest):
            if state in HAS_OBJECT and (stored, stored_list) == (fingerprint, accepted):
                return str(stripe_id)
        return None

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """The attempts that are not settled and that no other process owns."""
        return self._read_attempts(_OPEN.where(self.ownership.is_free), account=account, mode=mode)

    def attempts_of(self, digest: str) -> list[Attempt]:
        """Every attempt of an identity, oldest first."""
        return self._read_attempts(_OF_DIGEST.order_by(attempts.c.attempt, attempts.c.revision), digest=digest)

    def accounts(self) -> list[tuple[str, str]]:
        """The accounts and modes of all rows."""
        return [(row[0], row[1]) for row in self._fetch(select(attempts.c.account, attempts.c.mode).distinct(), {})]

    def knows(self, account: str, mode: str, **columns: str) -> bool:
        """Whether there is a row of this account and mode, and of these `columns`."""
        wanted = {"account": account, "mode": mode} | columns
        is_wanted = (attempts.c[column] == value for column, value in wanted.items())
        return bool(self._fetch(select(attempts.c.digest).where(*is_wanted).limit(1), {}))

    def find_source_key(self, account: str, mode: str, action: str, source_name: str) -> tuple[str, ...] | None:
        """The source key of any one record of a source; None if it has none."""
        wanted = {"account": account, "mode": mode, "action": action, "source_name": source_name}
        is_wanted = (attempts.c[column] == value for column, value in wanted.items())
        query = select(attempts).where(*is_wanted, attempts.c.source_key.is_not(None)).limit(1)
        found = self._read_attempts(query)
        return found[0].source_key if found else None

    def count_records(self, account: str, mode: str, action: str) -> dict[str | None, int]:
        """The number of records of an action under each source_name; None for those that a rebuild has found."""
        is_wanted = (attempts.c.account == account, attempts.c.mode == mode, attempts.c.action == action)
        counts = select(attempts.c.source_name, func.count(attempts.c.digest.distinct())).where(*is_wanted)
        return {row[0]: row[1] for row in self._fetch(counts.group_by(attempts.c.source_name), {})}

    def walk(self, columns: Mapping[str, Sequence[str]], *, page: int = 1000) -> Iterator[Attempt]:
        """Every row whose `columns` have one of these values, read page by page, so that memory stays flat."""
        key = tuple_(attempts.c.digest, attempts.c.attempt, attempts.c.revision)
        after: tuple[str, int, int] = ("", 0, 0)
        query = select(attempts).order_by(*key).limit(page)
        for column, values in columns.items():
            query = query.where(attempts.c[column].in_(values))
        while True:
            found = self._read_attempts(query.where(key > after))
            yield from found
            if len(found) < page:
                return
            after = found[-1].digest, found[-1].attempt, found[-1].revision

    def open_attempt(self, attempt: Attempt) -> None:
        """Add the row of a request that is about to be sent, or of an object that was found. Raises Superseded.

        The row of an update's object keeps its fingerprint: the update may be refused.
        """
        if not self._group_commit.write(attempt.digest, (_ADD, attempt.row())):
            raise _superseded(attempt)

    def change(self, attempt: Attempt, *, was: Attempt) -> None:
        """Replace the row `was` by `attempt`. Raises Superseded if another process has written the row since.

        A successful update also sets the fingerprint of its object.
        """
        row = attempt.row()
        values = {f"of_{name}": row.pop(name) for name in _KEY} | _expect(was) | row
        applied = [_set_content(attempt)] if attempt.state is State.UPDATED else []
        if not self._group_commit.write(attempt.digest, (_UPDATE_IF_SAME, values), *applied):
            raise _superseded(attempt)

    def take(self, attempt: Attempt) -> Taken | None:
        """Make this process the owner of the row. None if another process owns it, or has written it since."""
        lease = self.ownership.expired_lease(attempt)
        if lease is None:
            return None
        expired_s, scan_after_s = lease
        if attempt.owner != self.ownership.owner:
            mine = {"owner": self.ownership.owner}
            values = {f"of_{name}": getattr(attempt, name) for name in _KEY} | _expect(attempt) | mine
            if not self._group_commit.write(attempt.digest, (_UPDATE_IF_SAME.where(self.ownership.is_free), values)):
                return None
        # Read it again: an attempt that was settled since has no body any more, and must not be sent.
        current = next((row for row in self.attempts_of(attempt.digest) if row.marker == attempt.marker), None)
        if current is None or (current.state, current.owner) != (attempt.state, self.ownership.owner):
            return None
        return Taken(attempt=current, expired_s=expired_s, scan_after_s=scan_after_s)

    def add(self, found: Sequence[Attempt]) -> int:
        """Add the rows that the journal does not have yet. Returns how many were added."""
        before = self.count()
        if found:
            rows = [attempt.row() for attempt in sorted(found, key=lambda attempt: attempt.marker)]
            self._group_commit.write(rows[0]["digest"], (_ADD, rows))
        return self.count() - before

    def forget(self, latest: Attempt) -> None:
        """Delete the attempts of an identity up to `latest`. A later one, which the caller has not read, stays."""
        is_known = (attempts.c.digest == bindparam("of")) & (attempts.c.attempt <= bindparam("until"))
        self._group_commit.write(
            latest.digest, (attempts.delete().where(is_known), {"of": latest.digest, "until": latest.attempt})
        )

    def count(self) -> int:
        """The number of rows."""
        ((count,),) = self._fetch(select(func.count()).select_from(attempts), {})
        return int(count)

    def write(self, first_key: str, statement: Statement) -> int:
        """The number of rows of other tables than `attempts` that a statement wrote."""
        return self._group_commit.write(first_key, statement)

    def ask(self, query: Select[Any]) -> Sequence[Row[Any]]:  # Any: what the query selects
        """All rows of a query over the tables of `schema`. The query should aggregate or have a limit."""
        return self._fetch(query, {})

    def shape_of(self, accepted: str) -> str | None:
        """The list of parameters, as JSON, that an action accepted under this name; None if it is not known."""
        query = select(accepted_lists.c.shape).where(accepted_lists.c.accepted == bindparam("accepted"))
        found = self._fetch(query, {"accepted": accepted})
        return str(found[0].shape) if found else None

    def keep_shape(self, accepted: str, shape: str) -> None:
        """Store a list of accepted parameters, as JSON, under its name."""
        self._group_commit.write(accepted, (_KEEP_SHAPE, {"accepted": accepted, "shape": shape}))

    def _read_latest_facts(self, digest: str) -> Sequence[tuple[str, str | None, str | None, str | None]]:
        """State, fingerprint, name of the list of parameters and object id of the last row; at most one."""
        dialect = self._reader.dialect
        try:
            with self._reading, closing(self._reader.connection.cursor()) as cursor:
                cursor.execute(_LATEST_FACTS.format(_PLACEHOLDERS[dialect.paramstyle]), (digest,))
                return cursor.fetchall()
        except (SQLAlchemyError, dialect.loaded_dbapi.Error) as error:
            raise broken(self.name, error) from None

    def _read_attempts(self, query: Select[Any], **values: str) -> list[Attempt]:  # Any: rows of `attempts`
        return [read_attempt(row._mapping) for row in self._fetch(query, values)]  # noqa: SLF001  # SQLAlchemy documents it

    def _fetch(self, query: Select[Any], values: Mapping[str, str]) -> Sequence[Row[Any]]:  # Any: what it selects
        try:
            with self._reading:
                return self._reader.execute(query, values).all()
        except SQLAlchemyError as error:
            raise broken(self.name, error) from None


def _expect(was: Attempt) -> dict[str, str | None]:
    return {"was_state": was.state.value, "was_owner": was.owner}


def _set_content(update: Attempt) -> Statement:
    """Set the content of the update in the row of the attempt that created the object."""
    origin = {"of_digest": update.digest, "of_attempt": update.attempt, "of_revision": 0}
    return _UPDATE, origin | update.content()


def _superseded(attempt: Attempt) -> Superseded:
    return Superseded(f"attempt {attempt.attempt} of {attempt.digest} was written by another process since it was read")
