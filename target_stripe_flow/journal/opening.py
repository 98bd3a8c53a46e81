"""Opening a journal: for a run, which holds it alone, or for a look at it while a run holds it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.disks import read_mounts, remote_file_system
from target_stripe_flow.journal.holding import WAIT_S, Holding
from target_stripe_flow.journal.migrations import MIGRATIONS, check_version, migrate, version_of
from target_stripe_flow.journal.scribe import broken
from target_stripe_flow.journal.store import Journal

logger = logging.getLogger(__name__)


def create(path: Path) -> None:
    """An empty file that only its owner may read. Raises Misconfigured where it cannot be made."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no path has such characters"
        raise Misconfigured(f"the journal {path} cannot be made ({why}): mend that, or set journal_url") from None


@contextmanager
def held(path: Path, *, wait_s: float = WAIT_S) -> Iterator[Journal]:
    """The journal in a file, for this process alone; made or brought up to date where necessary.

    Raises Misconfigured, and JournalBroken for a file that is no journal.
    """
    create(path)
    if kind := remote_file_system(path, read_mounts()):
        logger.warning(
            "the journal %s is on a network file system (%s), where a lock may not hold and a sync may not be one: "
            "money is safe only on a disk of this machine",
            path,
            kind,
        )
    holding = Holding(path, wait_s=wait_s, waiting=logger.info)
    try:
        with _connected(path) as (reader, writer):
            with _told(path), writer.begin():
                migrate(writer, str(path))
            yield Journal(str(path), reader, writer)
    finally:
        holding.release()


@contextmanager
def looked_at(path: Path) -> Iterator[Journal]:
    """The journal as it is, while a run may hold it; it cannot be written. Raises Misconfigured if there is none."""
    if not path.is_file():
        raise Misconfigured(
            f"there is no journal {path}: run `stripe-flow journal init`, or check journal_url and the folder"
        )
    with _connected(path, "PRAGMA query_only = ON") as (reader, writer):
        version = version_of(reader)
        check_version(version, str(path))
        if version < len(MIGRATIONS):
            raise Misconfigured(
                f"the journal {path} is empty or of an older release: `stripe-flow journal init` brings it up to date"
            )
        yield Journal(str(path), reader, writer)


@contextmanager
def memory() -> Iterator[tuple[Connection, Connection]]:
    """An empty journal that is nowhere: to read and to write."""
    engine = create_engine(
        "sqlite://",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as reader, engine.connect() as writer:
        migrate(writer, "in memory")
        yield reader, writer


@contextmanager
def _connected(path: Path, *pragmas: str) -> Iterator[tuple[Connection, Connection]]:
    """One connection that sees what is committed, and one that commits."""
    reading, writing = _engine(path, *pragmas), _engine(path, *pragmas)
    event.listen(writing, "begin", _begin)
    with _told(path):
        reader, writer = reading.connect(), writing.connect()
    try:
        yield reader, writer
    finally:
        reader.close()
        writer.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise broken(str(path), error) from None


def _engine(path: Path, *pragmas: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 30}
    )

    def prepare(connection: Any, _record: object) -> None:  # Any: sqlite3's own
        connection.isolation_level = None  # transactions are ours, not the driver's guess
        # FULL: a commit is on disk when it returns, also if the machine loses power.
        for pragma in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *pragmas):
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
