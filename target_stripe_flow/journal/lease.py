"""The lease of a process that shares a journal: by the database's clock, extended by a heartbeat of its own."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import uuid
from contextlib import suppress

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    bindparam,
    cast,
    delete,
    exists,
    extract,
    func,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.journal.group_commit import JournalBroken, broken
from target_stripe_flow.journal.ownership import Terms
from target_stripe_flow.journal.schema import attempts, holders

# Whoever was gone so long has no rows that anybody must still wait for.
FORGOTTEN_AFTER_S = 7 * 24 * 3600
# One may wait for a lock, or come back to a process that was stopped meanwhile; only a slow database is slow each time.
MOST_RENEWALS = 3

_NOW = cast(extract("epoch", func.clock_timestamp()), Double)
_EXTEND = text(
    """INSERT INTO holders (holder, process, alive_until_unix, look_after_s)
    VALUES (:me, :process, extract(epoch FROM clock_timestamp()) + :lease_s, :look_after_s)
    ON CONFLICT (holder) DO UPDATE SET alive_until_unix = excluded.alive_until_unix"""
)
_FORMER = select(_NOW - holders.c.alive_until_unix, holders.c.look_after_s).where(
    holders.c.holder == bindparam("holder")
)
# The processes that are alive, for people.
ALIVE = select(holders.c.process).where(holders.c.alive_until_unix > _NOW).order_by(holders.c.process)


class Lease:
    """Held from the constructor on, until `release`, or until the process stops renewing it, however it ends."""

    def __init__(self, engine: Engine, terms: Terms, name: str) -> None:
        """`engine` commits each statement. Raises JournalBroken."""
        self.holder = uuid.uuid4().hex
        self._engine, self._terms, self._name = engine, terms, name
        self._connection: Connection | None = None
        self._confirmed_at_s = -math.inf
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._renew()
        self._tidy()
        threading.Thread(target=self._beat, name="journal-lease", daemon=True).start()

    @property
    def is_free(self) -> ColumnElement[bool]:
        of_another = (holders.c.holder == attempts.c.holder) & (holders.c.holder != self.holder)
        return ~exists().where(of_another & (holders.c.alive_until_unix > _NOW))

    def has_elsewhere(self, attempt: Attempt) -> bool:
        return attempt.holder not in {None, self.holder}

    def former(self, attempt: Attempt) -> tuple[float, float] | None:
        if not self.has_elsewhere(attempt):
            return math.inf, 0.0
        try:
            with self._lock:
                found = self._connected().execute(_FORMER, {"holder": attempt.holder}).one_or_none()
        except SQLAlchemyError as error:
            raise self._lost(error) from None
        if found is None:  # forgotten: only Stripe's clock tells how long ago it was
            return math.inf, self._terms.look_after_s
        over_s, look_after_s = found
        return (float(over_s), float(look_after_s)) if over_s >= 0 else None

    def assure(self) -> None:
        for _ in range(MOST_RENEWALS):
            if self._outlives_a_send():
                return
            self._renew()
        if not self._outlives_a_send():
            raise JournalBroken(
                f"the journal {self._name} is too slow: a lease on it does not last for a whole request "
                f"({self._terms.timeout_s:g} s). Nothing was sent without one; run again to go on"
            )

    def release(self) -> None:
        """Over by its own word; the row stays, so that whoever looks knows since when."""
        self._is_over.set()
        with suppress(SQLAlchemyError), self._lock:
            self._extend(self._connected(), 0)
            self._connected().close()

    def _outlives_a_send(self) -> bool:
        return self._terms.outlives_a_send(self._confirmed_at_s, elapsed_s())

    def _renew(self) -> None:
        try:
            with self._lock:
                connection, asked_at_s = self._connected(), elapsed_s()
                self._extend(connection, self._terms.lease_s)
                self._confirmed_at_s = asked_at_s
        except SQLAlchemyError as error:
            raise self._lost(error) from None

    def _extend(self, connection: Connection, lease_s: float) -> None:
        values = {"me": self.holder, "process": _process(), "look_after_s": self._terms.look_after_s}
        connection.execute(_EXTEND, values | {"lease_s": lease_s})

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _lost(self, error: SQLAlchemyError) -> JournalBroken:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()
        return broken(self._name, error)

    def _tidy(self) -> None:
        with suppress(SQLAlchemyError), self._lock:
            self._connected().execute(
                delete(holders).where(
                    holders.c.alive_until_unix < _NOW - FORGOTTEN_AFTER_S, holders.c.holder != self.holder
                )
            )

    def _beat(self) -> None:
        """What fails here is said by the send that finds its lease too short; the next beat connects anew."""
        while not self._is_over.wait(self._terms.beat_every_s):
            with suppress(JournalBroken):
                self._renew()


def _process() -> str:
    return f"{socket.gethostname()} {os.getpid()}"


def elapsed_s() -> float:
    """Seconds that never go back, those of a suspended machine counted where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
