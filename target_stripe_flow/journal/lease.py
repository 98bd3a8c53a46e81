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
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.schema import attempts, owners

# Whoever was gone so long has no rows that anybody must still wait for.
FORGOTTEN_AFTER_S = 7 * 24 * 3600
# One may wait for a lock, or come back to a process that was stopped meanwhile; only a slow database is slow each time.
MOST_RENEWALS = 3

_NOW = cast(extract("epoch", func.clock_timestamp()), Double)
_EXTEND = text(
    """INSERT INTO owners (owner, process, alive_until_unix, scan_after_s)
    VALUES (:me, :process, extract(epoch FROM clock_timestamp()) + :lease_s, :scan_after_s)
    ON CONFLICT (owner) DO UPDATE SET alive_until_unix = excluded.alive_until_unix"""
)
_FORMER = select(_NOW - owners.c.alive_until_unix, owners.c.scan_after_s).where(owners.c.owner == bindparam("owner"))
# The processes that are alive, for people.
ALIVE = select(owners.c.process).where(owners.c.alive_until_unix > _NOW).order_by(owners.c.process)


class Lease:
    """Held from the constructor on, until `release`, or until the process stops renewing it, however it ends."""

    def __init__(self, engine: Engine, terms: LeaseTerms, name: str) -> None:
        """`engine` commits each statement. Raises JournalBroken."""
        self.owner = uuid.uuid4().hex
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
        of_another = (owners.c.owner == attempts.c.owner) & (owners.c.owner != self.owner)
        return ~exists().where(of_another & (owners.c.alive_until_unix > _NOW))

    def is_elsewhere(self, attempt: Attempt) -> bool:
        return attempt.owner not in {None, self.owner}

    def former_owner(self, attempt: Attempt) -> tuple[float, float] | None:
        if not self.is_elsewhere(attempt):
            return math.inf, 0.0
        try:
            with self._lock:
                found = self._connected().execute(_FORMER, {"owner": attempt.owner}).one_or_none()
        except SQLAlchemyError as error:
            raise self._lost(error) from None
        if found is None:  # forgotten: only Stripe's clock tells how long ago it was
            return math.inf, self._terms.scan_after_s
        over_s, scan_after_s = found
        return (float(over_s), float(scan_after_s)) if over_s >= 0 else None

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
        values = {"me": self.owner, "process": _process(), "scan_after_s": self._terms.scan_after_s}
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
                delete(owners).where(owners.c.alive_until_unix < _NOW - FORGOTTEN_AFTER_S, owners.c.owner != self.owner)
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
