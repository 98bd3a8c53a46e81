"""Opens the journal file: for one run that owns it, or read-only, also while a run owns it."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.file_lock import WAIT_S, FileLock
from target_stripe_flow.journal.filesystem import read_mounts, remote_file_system
from target_stripe_flow.journal.group_commit import broken
from target_stripe_flow.journal.migrations import MIGRATIONS, Fill, Outdated, check_version, migrate, version_of
from target_stripe_flow.journal.ownership import SoleOwner
from target_stripe_flow.journal.schema import versions
from target_stripe_flow.journal.sources import known_names
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.journal.whole_file import check_whole, create_token, renew_token

logger = logging.getLogger(__name__)

_PRAGMAS_FOR_WRITING = (
    "PRAGMA journal_mode = WAL",
    # A commit is on disk when it returns, also if the machine loses power.
    "PRAGMA synchronous = FULL",
    # The body of a settled request may be personal data: SQLite must overwrite it in the file, whatever its default.
    "PRAGMA secure_delete = ON",
)


def create_file(path: Path) -> None:
    """Create an empty file that only its owner may read, if there is none. Raises Misconfigured if that fails."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _sync_folder(path.resolve().parent)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the path holds characters that no path may hold"
        raise Misconfigured(
            f"the journal {path} cannot be opened or created ({why}): fix that, or set journal_url"
        ) from None


def _sync_folder(folder: Path) -> None:
    """Write the file's name to the disk."""
    with suppress(OSError):  # the folder is not readable, or the file system cannot sync folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def open_journal(path: Path, *, wait_s: float = WAIT_S, fill: Fill | None = None) -> Iterator[Journal]:
    """The journal in a file, for this process alone; created or migrated if necessary.

    Waits up to `wait_s` seconds for another process. `fill` writes the first rows of a new journal. Raises
    Misconfigured, and JournalBroken for a file that is not a journal.
    """
    check_whole(path)
    create_file(path)
    kind = remote_file_system(path, read_mounts())
    if kind:
        logger.warning(
            "the journal %s is on a network file system (%s), where locks and syncs may not work, and a charge "
            "could be sent twice: set journal_url to a file on a disk of this machine, or to a PostgreSQL database",
            path,
            kind,
        )
    lock = FileLock(path, wait_s=wait_s, on_wait=logger.info, is_local=not kind)
    try:
        check_whole(path)  # again, as another process may have used it until now
        with _translate_errors(path):
            if not path.stat().st_size:
                create_token(path)
        with _connect(path, URL.create("sqlite", database=str(path)), *_PRAGMAS_FOR_WRITING) as (reader, writer):
            with _translate_errors(path), writer.begin():
                migrate(writer, str(path), fill)
            with _translate_errors(path):
                renew_token(writer, reader)
            yield Journal(str(path), reader, writer, SoleOwner(lock.ensure_same_file))
    finally:
        lock.release()


def is_there(path: Path) -> bool:
    """Whether the file is a journal: a file without tables is none, as the run that made it was killed at once.

    Raises Misconfigured for a file that is not the whole journal, and JournalBroken for one that cannot be read.
    """
    check_whole(path)
    if not path.is_file() or not path.stat().st_size:
        return False
    with _connect(path, _open_to_read(path), "PRAGMA query_only = ON") as (reader, _), _translate_errors(path):
        return bool(inspect(reader).has_table(versions.name))


@contextmanager
def open_read_only(path: Path) -> Iterator[Journal]:
    """The journal in a file, for reading only, also while a run owns it. Leaves the file and its folder unchanged.

    Raises Misconfigured if there is none, Outdated if it is of an older release, JournalBroken if it cannot be read.
    """
    check_whole(path)
    if not path.is_file():
        raise Misconfigured(
            f"there is no journal {path}: run `stripe-flow journal init`, or check journal_url and the folder"
        )
    with _connect(path, _open_to_read(path), "PRAGMA query_only = ON") as (reader, writer):
        with _translate_errors(path):
            version = version_of(reader)
        check_version(version, str(path))
        if version < len(MIGRATIONS):
            raise Outdated(
                f"the journal {path} is empty or of an older release: `stripe-flow journal init` brings it up to date"
            )
        yield Journal(str(path), reader, writer)


def source_names(path: Path) -> list[str]:
    """Every source_name in a file of any release, read without a lock. Raises JournalBroken."""
    with _connect(path, _open_to_read(path), "PRAGMA query_only = ON") as (reader, _), _translate_errors(path):
        return known_names(reader)


@contextmanager
def open_in_memory() -> Iterator[tuple[Connection, Connection]]:
    """A reading and a writing connection to an empty journal in memory."""
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}, isolation_level="AUTOCOMMIT"
    )
    try:
        with engine.connect() as reader, engine.connect() as writer:
            migrate(writer, "in memory")
            yield reader, writer
    finally:
        engine.dispose()  # a StaticPool keeps its connection open otherwise


@contextmanager
def _connect(path: Path, url: URL, *pragmas: str) -> Iterator[tuple[Connection, Connection]]:
    """One connection that sees only committed rows, and one that commits."""
    reading, writing = _engine(url, *pragmas), _engine(url, *pragmas)
    event.listen(writing, "begin", _begin)
    with _translate_errors(path):
        reader, writer = reading.connect(), writing.connect()
    try:
        yield reader, writer
    finally:
        reader.close()
        writer.close()


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise broken(str(path), error) from None


def _open_to_read(path: Path) -> URL:
    """The URL with which SQLite opens the file and leaves all files unchanged.

    https://www.sqlite.org/wal.html#read_only_databases
    """
    file = path.resolve()
    if file.with_name(f"{file.name}-wal").exists():
        how = {"mode": "ro"}  # in use, or left by a crash: a connection that may write would delete that file
    elif os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        how = {"mode": "rw"}  # SQLite then deletes the files that it makes beside the journal for reading
    else:
        how = {"immutable": "1"}  # SQLite cannot make these files, and no writer has made them
    return URL.create("sqlite", database=file.as_uri(), query=how | {"uri": "true"})


def _engine(url: URL, *pragmas: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 30})

    def prepare(connection: Any, _record: object) -> None:  # Any: sqlite3's own
        connection.isolation_level = None  # we begin transactions, not the driver
        for pragma in pragmas:
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
