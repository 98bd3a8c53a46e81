"""The journal as its users see it: what is known of an identity, and what is durable before anything is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as insert_if_absent
from sqlalchemy.exc import SQLAlchemyError

from target_stripe_flow.journal.attempt import Attempt, read_attempt
from target_stripe_flow.journal.schema import accepted_lists, attempts
from target_stripe_flow.journal.scribe import Scribe, Statement, broken
from target_stripe_flow.lifecycle import HAS_OBJECT, OPEN, State

_IS_ORIGIN = attempts.c.revision == 0
_OF_DIGEST = select(attempts).where(attempts.c.digest == bindparam("digest"))
_LATEST = _OF_DIGEST.where(_IS_ORIGIN).order_by(attempts.c.attempt.desc()).limit(1)
_LATEST_UPDATE = _OF_DIGEST.where(~_IS_ORIGIN).order_by(attempts.c.attempt.desc(), attempts.c.revision.desc()).limit(1)
# A replay asks this of each record, and a narrow row is three times as fast as a whole one.
_GLANCE = (
    select(attempts.c.state, attempts.c.fingerprint, attempts.c.accepted, attempts.c.stripe_id)
    .where(attempts.c.digest == bindparam("digest"), _IS_ORIGIN)
    .order_by(attempts.c.attempt.desc())
    .limit(1)
)
# As a literal: a bound list would not find the index of the open ones.
_IS_OPEN = attempts.c.state.in_(bindparam("states", sorted(OPEN), expanding=True, literal_execute=True))
_OPEN = select(attempts).where(
    attempts.c.account == bindparam("account"), attempts.c.mode == bindparam("mode"), _IS_OPEN
)
_INSERT = insert(attempts)
_UPDATE = update(attempts).where(
    attempts.c.digest == bindparam("of_digest"),
    attempts.c.attempt == bindparam("of_attempt"),
    attempts.c.revision == bindparam("of_revision"),
)
_ADD = insert_if_absent(attempts).on_conflict_do_nothing()
_PUT = insert(attempts).prefix_with("OR REPLACE")
_KEEP_SHAPE = insert_if_absent(accepted_lists).on_conflict_do_nothing()


class Journal:
    """Safe to share between threads. Each method that writes is durable when it returns; all raise JournalBroken."""

    def __init__(self, name: str, reader: Connection, writer: Connection) -> None:
        self.name = name
        self._reader, self._writer = reader, writer
        self._reading = threading.Lock()
        self._scribe = Scribe(writer, name)

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
        for state, of, by, stripe_id in self._asked(_GLANCE, {"digest": digest}):
            if state in HAS_OBJECT and (of, by) == (fingerprint, accepted):
                return str(stripe_id)
        return None

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """What is not settled yet."""
        return self._read(_OPEN, account=account, mode=mode)

    def all_of(self, digest: str) -> list[Attempt]:
        """Every attempt of an identity, oldest first."""
        return self._read(
            _OF_DIGEST.order_by(attempts.c.attempt, attempts.c.revision),
            digest=digest,
        )

    def owners(self) -> list[tuple[str, str]]:
        """Whose rows there are: accounts and modes."""
        return [(row[0], row[1]) for row in self._asked(select(attempts.c.account, attempts.c.mode).distinct(), {})]

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
        """A new row: what is about to be sent, or what was found without sending anything.

        While an update is open, nobody knows what its object is like: the fingerprint of what was last applied is gone.
        """
        self._scribe.write((_INSERT, attempt.row()), *([_applied(attempt, "")] if attempt.is_update else []))

    def change(self, attempt: Attempt) -> None:
        """The row as it is now. What an update has applied is from now on what its object was made of."""
        is_applied = attempt.state is State.UPDATED
        self._scribe.write(_changed(attempt), *([_applied(attempt, attempt.fingerprint)] if is_applied else []))

    def put(self, attempt: Attempt) -> None:
        """The row as it is now, whether it is there or not."""
        self._scribe.write((_PUT, attempt.row()))

    def add(self, found: Sequence[Attempt]) -> int:
        """Those of them that the journal does not have yet; how many these were."""
        before = self.count()
        if found:
            self._scribe.write((_ADD, [attempt.row() for attempt in found]))
        return self.count() - before

    def forget(self, digest: str) -> None:
        """Remove an identity with all its attempts."""
        self._scribe.write((attempts.delete().where(attempts.c.digest == bindparam("of")), {"of": digest}))

    def count(self) -> int:
        ((count,),) = self._asked(select(func.count()).select_from(attempts), {})
        return int(count)

    def shape_of(self, accepted: str) -> str | None:
        """The list of parameters, as JSON, that was accepted under this name."""
        query = select(accepted_lists.c.shape).where(accepted_lists.c.accepted == bindparam("accepted"))
        found = self._asked(query, {"accepted": accepted})
        return str(found[0].shape) if found else None

    def keep_shape(self, accepted: str, shape: str) -> None:
        self._scribe.write((_KEEP_SHAPE, {"accepted": accepted, "shape": shape}))

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _read(self, query: Select[Any], **values: str) -> list[Attempt]:  # Any: rows of `attempts`
        return [read_attempt(row._mapping) for row in self._asked(query, values)]  # noqa: SLF001  # public, for all that

    def _asked(self, query: Select[Any], values: Mapping[str, str]) -> Sequence[Row[Any]]:  # Any: as above
        try:
            with self._reading:
                return self._reader.execute(query, values).all()
        except SQLAlchemyError as error:
            raise broken(self.name, error) from None


def _changed(attempt: Attempt) -> Statement:
    row = attempt.row()
    key = {f"of_{name}": row.pop(name) for name in ("digest", "attempt", "revision")}
    return _UPDATE, key | row


def _applied(update: Attempt, fingerprint: str | None) -> Statement:
    """What the row that made the object says of it."""
    of = {"of_digest": update.digest, "of_attempt": update.attempt, "of_revision": 0}
    return _UPDATE, of | {"fingerprint": fingerprint, "accepted": update.accepted}
