"""A journal on PostgreSQL, which several processes share: each has a lease, and one at a time makes migrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.group_commit import broken
from target_stripe_flow.journal.lease import ALIVE, Lease
from target_stripe_flow.journal.migrations import MIGRATIONS, Outdated, check_version, migrate, version_of
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.schema import versions
from target_stripe_flow.journal.store import Journal

# What libpq is told unless the URL says otherwise. Where nobody answers should be said soon, and a connection
# that a network has dropped in silence must not hold up a heartbeat for the quarter of an hour that TCP would.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
USUAL: Mapping[str, str | int] = {
    "application_name": "stripe-flow",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# The statements of a transaction are moments apart. A process that was stopped in between holds rows that others wait
# for, and the database then takes its transaction back.
IN_TRANSACTION_MS = 10_000
# So often a table that others make at this moment is asked for anew.
MOST_TRIES = 10


@contextmanager
def open_journal(url: URL, name: str, terms: LeaseTerms) -> Iterator[Journal]:
    """The journal, with a lease on what this process works on; made or brought up to date where necessary.

    Raises Misconfigured, and JournalBroken where the database cannot be used.
    """
    with _connected(url, name) as (reader, writer):
        _bring_up_to_date(writer, name)
        lease = Lease(_engine(url, "AUTOCOMMIT"), terms, name)
        try:
            yield Journal(name, reader, writer, lease)
        finally:
            lease.release()


@contextmanager
def open_read_only(url: URL, name: str) -> Iterator[Journal]:
    """The journal as it is; it cannot be written. Raises Misconfigured if there is none."""
    with _connected(url, name, "SET default_transaction_read_only = on") as (reader, writer):
        with _told(name):
            version = version_of(reader)
        check_version(version, name)
        if version < len(MIGRATIONS):
            raise Outdated(
                f"there is no journal at {name}, or one of an older release: `stripe-flow journal init` makes it, or "
                "brings it up to date"
            )
        yield Journal(name, reader, writer)


def is_there(url: URL, name: str) -> bool:
    """Whether its tables are. Raises JournalBroken where the database cannot be asked."""
    with _connected(url, name) as (reader, _), _told(name):
        return version_of(reader) > 0


def owners_of(url: URL, name: str) -> list[str]:
    """The processes that have a lease on it now. Raises JournalBroken."""
    with _connected(url, name) as (reader, _), _told(name):
        return list(reader.execute(ALIVE).scalars())


def _bring_up_to_date(writer: Connection, name: str) -> None:
    """One process at a time: whoever comes second waits for the first, and finds it done."""
    with _told(name):
        with writer.begin():
            version = version_of(writer)
        if version == len(MIGRATIONS):
            return
        _make_versions(writer)
        with writer.begin():
            writer.exec_driver_sql(f"LOCK TABLE {versions.name} IN EXCLUSIVE MODE")
            migrate(writer, name)


def _make_versions(writer: Connection) -> None:
    """The table whose lock orders the migrations. Two that make it at once may clash even with IF NOT EXISTS."""
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
def _connected(url: URL, name: str, *settings: str) -> Iterator[tuple[Connection, Connection]]:
    """One connection that sees what is committed, and one that commits."""
    reading, writing = _engine(url, "AUTOCOMMIT", *settings), _engine(url, None, *settings)
    with _told(name):
        reader, writer = reading.connect(), writing.connect()
    try:
        yield reader, writer
    finally:
        for connection in (reader, writer):
            with suppress(SQLAlchemyError):  # one that is gone is closed
                connection.close()


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise broken(name, error) from None


def _engine(url: URL, isolation_level: Any, *settings: str) -> Engine:  # Any: the words that SQLAlchemy has for it
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={name: value for name, value in USUAL.items() if name not in url.query},
            **({"isolation_level": isolation_level} if isolation_level else {}),
        )
    except ModuleNotFoundError:
        raise Misconfigured(
            "setting journal_url names a PostgreSQL database, and its driver is not installed: "
            "pip install 'stripe-flow[postgres]'"
        ) from None

    def prepare(connection: Any, _record: object) -> None:  # Any: psycopg's own
        # What a commit has said must be on disk when it returns, whatever the database's default is.
        told = (
            "SET synchronous_commit = on",
            f"SET idle_in_transaction_session_timeout = {IN_TRANSACTION_MS}",
            *settings,
        )
        with connection.cursor() as cursor:
            for statement in told:
                cursor.execute(statement)
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine
