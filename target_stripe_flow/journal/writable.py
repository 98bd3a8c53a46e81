"""Whether a journal can be written, found out without a change to it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, text

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.file_lock import lock_path
from target_stripe_flow.journal.migrations import MIGRATIONS, version_of
from target_stripe_flow.journal.schema import METADATA, attempts, owners, versions

# A run adds rows to each table but this one, and changes those of these.
_READ_ONLY = {versions.name}
_CHANGED = {attempts.name, owners.name}
_FIX = "give the role of journal_url its rights, or set journal_url to another database"


def check_files(path: Path) -> None:
    """Raises Misconfigured if the files of an SQLite journal cannot be written or created."""
    if path.is_dir():
        raise _unwritable(path, path, "it is a folder")
    file = path.resolve()
    beside = [file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")]
    places = [file, *beside, lock_path(path)]
    for each in places:
        why = _why_not_written(each) if each.exists() else ""
        if why:
            raise _unwritable(path, each, why)
    if not all(each.exists() for each in places) and not _is_folder_writable(file.parent):
        raise _unwritable(path, file.parent, "this folder does not exist or is not writable")


def _why_not_written(file: Path) -> str:
    """Why a file that exists cannot be written; empty if it can. The file stays as it is."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return ""


def _is_folder_writable(folder: Path) -> bool:
    """Whether files can be created there: a read-only disk and a folder that may not be changed say no, to root too."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def check_tables(connection: Connection, name: str) -> None:
    """Raises Misconfigured if the tables of a PostgreSQL journal cannot be written, or cannot be created."""
    if _ask(connection, "SHOW transaction_read_only") == "on":
        raise _unwritable_tables(name, "the database or the role of journal_url is read-only")
    if version_of(connection) < len(MIGRATIONS):
        if not _ask(connection, "SELECT has_schema_privilege(current_schema(), 'CREATE')"):
            raise _unwritable_tables(name, "its tables must be created or updated, and the role may not create tables")
        return
    for table in METADATA.tables:
        if _ask(connection, "SELECT to_regclass(:table)", table) is None:
            raise _unwritable_tables(name, f"its table {table} is missing")
        for right in ("SELECT", "INSERT", "UPDATE")[: _rights(table)]:
            if not _ask(connection, f"SELECT has_table_privilege(:table, '{right}')", table):
                raise _unwritable_tables(name, f"the role may not {right} in its table {table}")


def _rights(table: str) -> int:
    """How many of SELECT, INSERT and UPDATE a run needs."""
    return 1 if table in _READ_ONLY else 3 if table in _CHANGED else 2


def _ask(connection: Connection, question: str, table: str | None = None) -> object:
    return connection.execute(text(question), {} if table is None else {"table": table}).scalar()


def _unwritable_tables(name: str, why: str) -> Misconfigured:
    return Misconfigured(f"the journal {name} cannot be written ({why}): {_FIX}")


def _unwritable(path: Path, place: Path, why: str) -> Misconfigured:
    if place == path:
        return Misconfigured(f"the journal {path} cannot be written ({why}): fix that, or set journal_url")
    return Misconfigured(f"the journal {path} cannot be written ({place}: {why}): fix that, or set journal_url")
