"""Opens a journal on PostgreSQL, which several processes share. Each has a lease; one at a time migrates."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from stripe_flow.api.commands import install_hint
from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.group_commit import broken
from target_stripe_flow.journal.lease import ALIVE, Lease
from target_stripe_flow.journal.migrations import MIGRATIONS, Fill, Outdated, check_version, migrate, version_of
from target_stripe_flow.journal.older_release import OlderLease, describe_wait, lock_older_leases, wait_for_older
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.schema import versions
from target_stripe_flow.journal.sources import known_names
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.journal.writable import check_tables

logger = logging.getLogger(__name__)

# Parameters of libpq, unless the URL sets them. An unreachable server must fail soon, and a connection that the network
# has dropped silently must not block a heartbeat for TCP's 15 minutes.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
CONNECTION_DEFAULTS: Mapping[str, str | int] = {
    "application_name": "stripe-flow",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# The statements of a transaction follow each other at once. If a process is stopped between them, the database rolls
# its transaction back after this time, because other processes wait for its rows.
IDLE_IN_TRANSACTION_MS = 10_000
# How often to try to create a table that other processes create at the same moment.
MOST_TRIES = 10


@contextmanager
def open_journal(url: URL, name: str, terms: LeaseTerms, fill: Fill | None = None) -> Iterator[Journal]:
    """The journal, with a lease for this process; created or migrated if necessary.

    `fill` writes the first rows of a new journal. Raises Misconfigured, also while workers of an older release use the
    journal, and JournalBroken if the database cannot be used.
    """
    with _connect(url, name) as (reader, writer):
        _migrate_alone(writer, name, fill)
        lease = Lease(_engine(url, "AUTOCOMMIT"), terms, name)
        try:
            with _translate_errors(name):  # again: from here on no newer release migrates it
                check_version(version_of(reader), name)
            yield Journal(name, reader, writer, lease)
        finally:
            lease.release()


@contextmanager
def open_read_only(url: URL, name: str) -> Iterator[Journal]:
    """The journal, for reading only. Raises Outdated if it is missing or of an older release, and JournalBroken."""
    with _connect(url, name, "SET default_transaction_read_only = on") as (reader, writer):
        with _translate_errors(name):
            version = version_of(reader)
        check_version(version, name)
        if version < len(MIGRATIONS):
            raise Outdated(
                f"there is no journal at {name}, or it is of an older release: `stripe-flow journal init` creates it "
                "or brings it up to date"
            )
        yield Journal(name, reader, writer)


def is_there(url: URL, name: str) -> bool:
    """Whether the journal's tables exist. Raises JournalBroken if the database cannot be asked."""
    with _connect(url, name) as (reader, _), _translate_errors(name):
        return version_of(reader) > 0


def live_owners(url: URL, name: str) -> list[str]:
    """The processes whose leases last now: host name and pid. None of an older release. Raises JournalBroken."""
    with _connect(url, name) as (reader, _), _translate_errors(name):
        if version_of(reader) < len(MIGRATIONS):
            return []
        return list(reader.execute(ALIVE).scalars())


def check_writable(url: URL, name: str) -> None:
    """Raises Misconfigured if a run could not write the journal, and JournalBroken. Changes nothing."""
    with _connect(url, name) as (reader, _), _translate_errors(name):
        check_tables(reader, name)


def source_names(url: URL, name: str) -> list[str]:
    """Every source_name in a journal of any release. Raises JournalBroken."""
    with _connect(url, name, "SET default_transaction_read_only = on") as (reader, _), _translate_errors(name):
        return known_names(reader)


def _migrate_alone(writer: Connection, name: str, fill: Fill | None) -> None:
    """Migrate, one process at a time: a second one waits for the first and then has nothing to do.

    Waits for the leases of processes that have ended without releasing them. Raises Misconfigured if one is extended.
    """
    with _translate_errors(name):
        with writer.begin():
            version = version_of(writer)
        if version == len(MIGRATIONS):
            return
        _create_versions(writer)
        before: Mapping[str, OlderLease] = {}
        while leases := _migrate_if_unused(writer, name, fill):
            wait_s = wait_for_older(name, before, leases)
            if not before:
                logger.info("%s", describe_wait(name, leases))
            before = leases
            time.sleep(wait_s)


def _migrate_if_unused(writer: Connection, name: str, fill: Fill | None) -> Mapping[str, OlderLease]:
    """Migrate, unless processes of the older release have leases. Returns these leases."""
    with writer.begin():
        writer.exec_driver_sql(f"LOCK TABLE {versions.name} IN EXCLUSIVE MODE")
        if 0 < version_of(writer) < len(MIGRATIONS):
            leases = lock_older_leases(writer)
            if leases:
                return leases
        migrate(writer, name, fill)
    return {}


def _create_versions(writer: Connection) -> None:
    """Create the table whose lock orders the migrations. Two processes may clash even with IF NOT EXISTS."""
    for tries_left in reversed(range(MOST_TRIES)):
        try:
            with writer.begin():
                writer.execute(CreateTable(versions, if_not_exists=True))
        except (IntegrityError, ProgrammingError):
            if not tries_left:
                raise
        else:
            return


@contextmanager
def _connect(url: URL, name: str, *settings: str) -> Iterator[tuple[Connection, Connection]]:
    """One connection that sees only committed rows, and one that commits."""
    reading, writing = _engine(url, "AUTOCOMMIT", *settings), _engine(url, None, *settings)
    with _translate_errors(name):
        reader, writer = reading.connect(), writing.connect()
    try:
        yield reader, writer
    finally:
        for connection in (reader, writer):
            with suppress(SQLAlchemyError):  # a lost connection is closed already
                connection.close()


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise broken(name, error) from None


def _engine(url: URL, isolation_level: Any, *settings: str) -> Engine:  # Any: SQLAlchemy's own literals
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={name: value for name, value in CONNECTION_DEFAULTS.items() if name not in url.query},
            **({"isolation_level": isolation_level} if isolation_level else {}),
        )
    except ModuleNotFoundError:
        raise Misconfigured(
            "setting journal_url names a PostgreSQL database, and its driver is not installed: "
            + install_hint("psycopg[binary]")
        ) from None

    def prepare(connection: Any, _record: object) -> None:  # Any: psycopg's own
        # A commit must be on disk when it returns, whatever the database's default is.
        statements = (
            "SET synchronous_commit = on",
            f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}",
            *settings,
        )
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine
