"""The journal as its users see it: what is known of an identity, and what is durable before anything is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, TextClause, bindparam, func, select, text, tuple_, update
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
# A replay asks this of each record. A narrow row is three times as fast as a whole one, and the driver by itself, where
# SQLAlchemy adds nothing to the words, six times as fast as both.
_GLANCE = """SELECT state, fingerprint, accepted, stripe_id FROM attempts
    WHERE digest = {} AND revision = 0 ORDER BY attempt DESC LIMIT 1"""
_PLACES = {"qmark": "?", "pyformat": "%s"}
# As a literal: a bound list would not find the index of the open ones.
_IS_OPEN = attempts.c.state.in_(bindparam("states", sorted(OPEN), expanding=True, literal_execute=True))
_OPEN = select(attempts).where(
    attempts.c.account == bindparam("account"), attempts.c.mode == bindparam("mode"), _IS_OPEN
)
_UPDATE = update(attempts).where(
    attempts.c.digest == bindparam("of_digest"),
    attempts.c.attempt == bindparam("of_attempt"),
    attempts.c.revision == bindparam("of_revision"),
)
# What was read or written last must still stand there: whoever was stopped meanwhile overwrites nothing.
_UPDATE_IF_SAME = _UPDATE.where(
    attempts.c.state == bindparam("was_state"),
    attempts.c.owner.is_not_distinct_from(bindparam("was_owner")),
)


def _insert_absent(table: Table) -> TextClause:
    """An INSERT that passes over a row that is there, in words that both databases know."""
    names = table.columns.keys()
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    return text(f"INSERT INTO {table.name} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608  # our own names


_ADD = _insert_absent(attempts)
_KEEP_SHAPE = _insert_absent(accepted_lists)


class Journal:
    """Safe to share between threads. Each method that writes is durable when it returns; all raise JournalBroken."""

    def __init__(self, name: str, reader: Connection, writer: Connection, ownership: Ownership | None = None) -> None:
        """Without a tenure: of a process that has the journal to itself."""
        self.name = name
        self.ownership = ownership or SoleOwner()
        self._reader = reader
        self._reading = threading.Lock()
        self._group_commit = GroupCommit(writer, name)

    def latest(self, digest: str) -> Attempt | None:
        """The latest attempt to make what an identity stands for."""
        found = self._read(_LATEST, digest=digest)
        return found[0] if found else None

    def latest_update(self, digest: str) -> Attempt | None:
        """The latest attempt to update it."""
        found = self._read(_LATEST_UPDATE, digest=digest)
        return found[0] if found else None

    def made(self, digest: str, fingerprint: str, accepted: str) -> str | None:
        """The object's id, if this very record has one; None says nothing."""
        for state, of, by, stripe_id in self._glanced(digest):
            if state in HAS_OBJECT and (of, by) == (fingerprint, accepted):
                return str(stripe_id)
        return None

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """What is not settled yet, and in no other process's hands."""
        return self._read(_OPEN.where(self.ownership.is_free), account=account, mode=mode)

    def all_of(self, digest: str) -> list[Attempt]:
        """Every attempt of an identity, oldest first."""
        return self._read(
            _OF_DIGEST.order_by(attempts.c.attempt, attempts.c.revision),
            digest=digest,
        )

    def accounts(self) -> list[tuple[str, str]]:
        """Whose rows there are: accounts and modes."""
        return [(row[0], row[1]) for row in self._asked(select(attempts.c.account, attempts.c.mode).distinct(), {})]

    def knows(self, account: str, mode: str) -> bool:
        """Whether there is a row of it."""
        of = (attempts.c.account == account, attempts.c.mode == mode)
        return bool(self._asked(select(attempts.c.digest).where(*of).limit(1), {}))

    def walk(self, among: Mapping[str, Sequence[str]], *, page: int = 1000) -> Iterator[Attempt]:
        """Every row whose columns are `among` these values, page by page: memory stays flat."""
        place = tuple_(attempts.c.digest, attempts.c.attempt, attempts.c.revision)
        after: tuple[str, int, int] = ("", 0, 0)
        query = select(attempts).order_by(*place).limit(page)
        for column, values in among.items():
            query = query.where(attempts.c[column].in_(values))
        while True:
            found = self._read(query.where(place > after))
            yield from found
            if len(found) < page:
                return
            after = found[-1].digest, found[-1].attempt, found[-1].revision

    def open_attempt(self, attempt: Attempt) -> None:
        """A new row: what is about to be sent, or what was found without sending anything. Raises Superseded.

        While an update is open, nobody knows what its object is like: the fingerprint of what was last applied is gone.
        """
        followed = [_applied(attempt, "")] if attempt.is_update else []
        if not self._group_commit.write(attempt.digest, (_ADD, attempt.row()), *followed):
            raise _superseded(attempt)

    def change(self, attempt: Attempt, *, was: Attempt) -> None:
        """The row as it is now, if it still is what it `was`. Raises Superseded.

        What an update has applied is from now on what its object was made of.
        """
        row = attempt.row()
        values = {f"of_{name}": row.pop(name) for name in _KEY} | _before(was) | row
        followed = [_applied(attempt, attempt.fingerprint)] if attempt.state is State.UPDATED else []
        if not self._group_commit.write(attempt.digest, (_UPDATE_IF_SAME, values), *followed):
            raise _superseded(attempt)

    def take(self, attempt: Attempt) -> Taken | None:
        """The row, for this process to work on; None where another process has it in hand, or has written it."""
        former_owner = self.ownership.former_owner(attempt)
        if former_owner is None:
            return None
        over_s, scan_after_s = former_owner
        is_mine = attempt.owner == self.ownership.owner
        if not is_mine:
            mine = {"owner": self.ownership.owner}
            values = {f"of_{name}": getattr(attempt, name) for name in _KEY} | _before(attempt) | mine
            if not self._group_commit.write(attempt.digest, (_UPDATE_IF_SAME.where(self.ownership.is_free), values)):
                return None
        # As it stands: what was settled since it was read has no bytes any more, and must not be sent.
        current = next((each for each in self.all_of(attempt.digest) if each.marker == attempt.marker), None)
        if current is None or (current.state, current.owner) != (attempt.state, self.ownership.owner):
            return None
        return Taken(attempt=current) if is_mine else Taken(attempt=current, over_s=over_s, scan_after_s=scan_after_s)

    def add(self, found: Sequence[Attempt]) -> int:
        """Those of them that the journal does not have yet; how many these were."""
        before = self.count()
        if found:
            rows = [attempt.row() for attempt in sorted(found, key=lambda each: each.marker)]
            self._group_commit.write(rows[0]["digest"], (_ADD, rows))
        return self.count() - before

    def forget(self, latest: Attempt) -> None:
        """Remove an identity with all its attempts, as far as they were looked at."""
        known = (attempts.c.digest == bindparam("of")) & (attempts.c.attempt <= bindparam("until"))
        self._group_commit.write(
            latest.digest, (attempts.delete().where(known), {"of": latest.digest, "until": latest.attempt})
        )

    def count(self) -> int:
        ((count,),) = self._asked(select(func.count()).select_from(attempts), {})
        return int(count)

    def ask(self, query: Select[Any]) -> Sequence[Row[Any]]:  # Any: what the query selects
        """The rows of a query over the tables of `schema`, all of them: it should count, or have a limit."""
        return self._asked(query, {})

    def shape_of(self, accepted: str) -> str | None:
        """The list of parameters, as JSON, that was accepted under this name."""
        query = select(accepted_lists.c.shape).where(accepted_lists.c.accepted == bindparam("accepted"))
        found = self._asked(query, {"accepted": accepted})
        return str(found[0].shape) if found else None

    def keep_shape(self, accepted: str, shape: str) -> None:
        self._group_commit.write(accepted, (_KEEP_SHAPE, {"accepted": accepted, "shape": shape}))

    def _glanced(self, digest: str) -> Sequence[tuple[str, str | None, str | None, str | None]]:
        """State, fingerprint, list of parameters and id of the latest attempt, if there is one."""
        dialect = self._reader.dialect
        try:
            with self._reading, closing(self._reader.connection.cursor()) as cursor:
                cursor.execute(_GLANCE.format(_PLACES[dialect.paramstyle]), (digest,))
                return cursor.fetchall()
        except (SQLAlchemyError, dialect.loaded_dbapi.Error) as error:
            raise broken(self.name, error) from None

    def _read(self, query: Select[Any], **values: str) -> list[Attempt]:  # Any: rows of `attempts`
        return [read_attempt(row._mapping) for row in self._asked(query, values)]  # noqa: SLF001  # public, for all that

    def _asked(self, query: Select[Any], values: Mapping[str, str]) -> Sequence[Row[Any]]:  # Any: as above
        try:
            with self._reading:
                return self._reader.execute(query, values).all()
        except SQLAlchemyError as error:
            raise broken(self.name, error) from None


def _before(was: Attempt) -> dict[str, str | None]:
    return {"was_state": was.state.value, "was_owner": was.owner}


def _applied(update: Attempt, fingerprint: str | None) -> Statement:
    """What the row that made the object says of it."""
    of = {"of_digest": update.digest, "of_attempt": update.attempt, "of_revision": 0}
    return _UPDATE, of | {"fingerprint": fingerprint, "accepted": update.accepted}


def _superseded(attempt: Attempt) -> Superseded:
    return Superseded(f"attempt {attempt.attempt} of {attempt.digest} was written by another process meanwhile")
