"""The lease of a process on a shared journal, by the database's clock. A heartbeat thread extends it."""

from __future__ import annotations

import math
import os
import socket
import threading
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

from stripe_flow.api.clock import elapsed_s
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.journal.group_commit import JournalBroken, broken
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.schema import attempts, owners

# A lease that ended this long ago is deleted: no process has to wait for its rows any more.
DELETED_AFTER_S = 7 * 24 * 3600
# One renewal may be slow because of a lock, or because this process was stopped; a slow database is slow each time.
MOST_RENEWALS = 3

_NOW = cast(extract("epoch", func.clock_timestamp()), Double)
_EXTEND = text(
    """INSERT INTO owners (owner, process, alive_until_unix, scan_after_s)
    VALUES (:me, :process, extract(epoch FROM clock_timestamp()) + :lease_s, :scan_after_s)
    ON CONFLICT (owner) DO UPDATE SET alive_until_unix = excluded.alive_until_unix"""
)
_LEASE_END = select(_NOW - owners.c.alive_until_unix, owners.c.scan_after_s).where(owners.c.owner == bindparam("owner"))
# The names of the processes whose leases last, for people.
ALIVE = select(owners.c.process).where(owners.c.alive_until_unix > _NOW).order_by(owners.c.process)


class Lease:
    """Lasts from the constructor to `release`, or until the process stops renewing it, for whatever reason."""

    def __init__(self, engine: Engine, terms: LeaseTerms, name: str) -> None:
        """`engine` must commit each statement. Raises JournalBroken."""
        self.owner = uuid.uuid4().hex
        self._engine, self._terms, self._name = engine, terms, name
        self._connection: Connection | None = None
        self._confirmed_at_s = -math.inf
        self._lock = threading.Lock()
        self._is_released = threading.Event()
        self._renew()
        self._delete_old_leases()
        threading.Thread(target=self._send_heartbeats, name="journal-lease", daemon=True).start()

    @property
    def is_free(self) -> ColumnElement[bool]:
        """True for rows that no other process with a lasting lease owns."""
        of_another = (owners.c.owner == attempts.c.owner) & (owners.c.owner != self.owner)
        return ~exists().where(of_another & (owners.c.alive_until_unix > _NOW))

    def names_other_owner(self, attempt: Attempt) -> bool:
        """Whether the row names an owner other than this process, alive or dead."""
        return attempt.owner not in {None, self.owner}

    def expired_lease(self, attempt: Attempt) -> tuple[float, float] | None:
        """Seconds since the owner's lease ended, and seconds from its end to a safe scan; None while it lasts.

        Raises JournalBroken.
        """
        if not self.names_other_owner(attempt):
            return math.inf, 0.0
        try:
            with self._lock:
                found = self._connect().execute(_LEASE_END, {"owner": attempt.owner}).one_or_none()
        except SQLAlchemyError as error:
            raise self._disconnect(error) from None
        if found is None:  # deleted: only Stripe's clock says how long ago the request was sent
            return math.inf, self._terms.scan_after_s
        expired_s, scan_after_s = found
        return (float(expired_s), float(scan_after_s)) if expired_s >= 0 else None

    def ensure_valid(self) -> None:
        """Renew the lease if it is too short for a whole request. Raises JournalBroken if that fails."""
        for _ in range(MOST_RENEWALS):
            if self._outlives_a_send():
                return
            self._renew()
        if not self._outlives_a_send():
            raise JournalBroken(
                f"the journal {self._name} is too slow: a lease on it does not last for a whole request "
                f"({self._terms.timeout_s:g} s). Nothing was sent without a lease; run again to continue"
            )

    def release(self) -> None:
        """End the lease now. Its row stays in `owners`, so that other processes see when it ended."""
        self._is_released.set()
        with suppress(SQLAlchemyError), self._lock:
            self._extend(self._connect(), 0)
            self._connect().close()

    def _outlives_a_send(self) -> bool:
        return self._terms.outlives_a_send(self._confirmed_at_s, elapsed_s())

    def _renew(self) -> None:
        try:
            with self._lock:
                connection, requested_at_s = self._connect(), elapsed_s()
                self._extend(connection, self._terms.lease_s)
                self._confirmed_at_s = requested_at_s
        except SQLAlchemyError as error:
            raise self._disconnect(error) from None

    def _extend(self, connection: Connection, lease_s: float) -> None:
        values = {"me": self.owner, "process": _process(), "scan_after_s": self._terms.scan_after_s}
        connection.execute(_EXTEND, values | {"lease_s": lease_s})

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self, error: SQLAlchemyError) -> JournalBroken:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()
        return broken(self._name, error)

    def _delete_old_leases(self) -> None:
        with suppress(SQLAlchemyError), self._lock:
            self._connect().execute(
                delete(owners).where(owners.c.alive_until_unix < _NOW - DELETED_AFTER_S, owners.c.owner != self.owner)
            )

    def _send_heartbeats(self) -> None:
        """Renew the lease until it is released. An error is reported by the next send, in `ensure_valid`."""
        while not self._is_released.wait(self._terms.beat_every_s):
            with suppress(JournalBroken):
                self._renew()


def _process() -> str:
    return f"{socket.gethostname()} {os.getpid()}"
