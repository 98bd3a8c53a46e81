"""Opening a journal: for a run, which holds it alone, or for a look at it while a run holds it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.file_lock import WAIT_S, FileLock
from target_stripe_flow.journal.filesystem import read_mounts, remote_file_system
from target_stripe_flow.journal.group_commit import broken
from target_stripe_flow.journal.migrations import MIGRATIONS, Outdated, check_version, migrate, version_of
from target_stripe_flow.journal.store import Journal

logger = logging.getLogger(__name__)

_TO_WRITE = (
    "PRAGMA journal_mode = WAL",
    # A commit is on disk when it returns, also if the machine loses power.
    "PRAGMA synchronous = FULL",
    # The body of a settled request may be a person's: nothing of it stays in the file, whatever this SQLite's default.
    "PRAGMA secure_delete = ON",
)


def create(path: Path) -> None:
    """An empty file that only its owner may read. Raises Misconfigured where it cannot be made."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _sync_folder(path.resolve().parent)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no path has such characters"
        raise Misconfigured(
            f"the journal {path} cannot be opened or made ({why}): mend that, or set journal_url"
        ) from None


def _sync_folder(folder: Path) -> None:
    """The file's name is then on the disk, too."""
    with suppress(OSError):  # a folder that may not be read, or a file system that does not sync folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def open_journal(path: Path, *, wait_s: float = WAIT_S) -> Iterator[Journal]:
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
    holding = FileLock(path, wait_s=wait_s, waiting=logger.info)
    try:
        with _connected(path, URL.create("sqlite", database=str(path)), *_TO_WRITE) as (reader, writer):
            with _told(path), writer.begin():
                migrate(writer, str(path))
            yield Journal(str(path), reader, writer)
    finally:
        holding.release()


@contextmanager
def open_read_only(path: Path) -> Iterator[Journal]:
    """The journal as it is, while a run may hold it; nothing is written, neither to the file nor beside it.

    Raises Misconfigured if there is none, JournalBroken where it cannot be read.
    """
    if not path.is_file():
        raise Misconfigured(
            f"there is no journal {path}: run `stripe-flow journal init`, or check journal_url and the folder"
        )
    with _connected(path, _open_to_read(path), "PRAGMA query_only = ON") as (reader, writer):
        with _told(path):
            version = version_of(reader)
        check_version(version, str(path))
        if version < len(MIGRATIONS):
            raise Outdated(
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
def _connected(path: Path, url: URL, *pragmas: str) -> Iterator[tuple[Connection, Connection]]:
    """One connection that sees what is committed, and one that commits."""
    reading, writing = _engine(url, *pragmas), _engine(url, *pragmas)
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


def _open_to_read(path: Path) -> URL:
    """As what SQLite opens the file so that it leaves everything as it was.

    https://www.sqlite.org/wal.html#read_only_databases
    """
    file = path.resolve()
    if file.with_name(f"{file.name}-wal").exists():
        how = {"mode": "ro"}  # held, or left by a crash: whoever closes it last and may write would tidy up
    elif os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        how = {"mode": "rw"}  # only so are the files taken away again that reading needs beside it
    else:
        how = {"immutable": "1"}  # these files cannot be made, and nobody who could write has made them
    return URL.create("sqlite", database=file.as_uri(), query=how | {"uri": "true"})


def _engine(url: URL, *pragmas: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 30})

    def prepare(connection: Any, _record: object) -> None:  # Any: sqlite3's own
        connection.isolation_level = None  # transactions are ours, not the driver's guess
        for pragma in pragmas:
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
