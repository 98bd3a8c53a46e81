"""Whether a journal's file is the whole journal: SQLite keeps the newest rows in a second file, the -wal beside it.

SQLite finds the -wal by the journal's name and does not notice when it is of another journal or of another time. So
each run writes a new token into the first page of the journal, with the token before it: the -wal of a run has both,
and fits only the file that has one of them. https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import secrets
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.filesystem import is_mounted_alone, read_mounts

_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL_HEADER = struct.Struct(">4I8s8x")  # magic, format, page size, number of checkpoints, salts, checksum
_FRAME_HEADER = struct.Struct(">2I8s8x")  # page, pages after the commit, salts, checksum
# In the first page: the token of the run before (`user_version`), and the token (`application_id`).
_TOKENS = struct.Struct(">60xi4xi")


def check_whole(path: Path) -> None:
    """Raises Misconfigured if another name of the file, or a -wal that is not its own, would hide or add rows."""
    file = path.resolve()
    if not file.is_file():
        _check_wal_alone(path, file)
        return
    found = file.stat()
    if found.st_nlink > 1:
        raise Misconfigured(
            f"the journal {path} has {found.st_nlink} names (hard links), and each name has a -wal of its own, so rows "
            f"would be lost: delete the other names (`find DISK -samefile {path}` lists them), or copy the file to a "
            "name of its own while no run uses it"
        )
    if is_mounted_alone(file, read_mounts()):
        raise Misconfigured(
            f"the journal {path} is mounted without its folder, so its -wal, which has the newest rows, is not kept "
            "beside it: mount the folder"
        )
    if not found.st_size:
        _check_wal_alone(path, file)
    elif not _fits(file, wal_path(file)):
        raise Misconfigured(
            f"{path}-wal is not of the journal {path}: it is of another journal, or one of the two files is older. Put "
            "back both files of one time. If there are none, move both away, run `stripe-flow journal init` and "
            "`stripe-flow journal rebuild`"
        )


def wal_path(file: Path) -> Path:
    """The path of the journal's -wal."""
    return file.with_name(f"{file.name}-wal")


def _check_wal_alone(path: Path, file: Path) -> None:
    if _size(wal_path(file)) > _WAL_HEADER.size:
        raise Misconfigured(
            f"the journal {path} is missing or empty, but {path}-wal, which has its newest rows, is there: put back "
            "the journal's file of the same time. If it is lost, move the -wal away, run `stripe-flow journal init` "
            "and `stripe-flow journal rebuild`"
        )


def create_token(path: Path) -> None:
    """Write the first token into an empty file, before SQLite makes a -wal. Raises sqlite3.Error."""
    with closing(sqlite3.connect(path)) as raw:
        for pragma in ("application_id", "user_version"):
            raw.execute(f"PRAGMA {pragma} = {_new_token()}")


def renew_token(writer: Connection, reader: Connection) -> None:
    """Write the token of this run to the -wal, then to the file, then to the new -wal. Raises SQLAlchemyError."""
    with writer.begin():
        [before] = writer.exec_driver_sql("PRAGMA application_id").one()
        writer.exec_driver_sql(f"PRAGMA user_version = {before}")
        writer.exec_driver_sql(f"PRAGMA application_id = {_new_token()}")
    # Not by the writer, whose statements are all in a transaction.
    reader.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
    with writer.begin():  # after the checkpoint SQLite begins the -wal anew, without the first page until it is written
        writer.exec_driver_sql(f"PRAGMA user_version = {before}")


def _new_token() -> int:
    return secrets.randbelow(2**31 - 1) + 1


def _fits(file: Path, wal: Path) -> bool:
    """Whether the -wal can be of this file. One without a first page cannot be checked."""
    if _size(wal) <= _WAL_HEADER.size:
        return True
    try:
        # Through SQLite: a descriptor of our own, when it is closed, would end the locks of other connections.
        with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as raw:
            [token] = raw.execute("PRAGMA application_id").fetchone()
    except sqlite3.Error:
        return True  # opening it says what is wrong
    with wal.open("rb") as opened:
        tokens = list(_tokens(opened))
    return not tokens or any(token in pair for pair in tokens)


def _tokens(wal: BinaryIO) -> Iterator[tuple[int, int]]:
    """The tokens in each first page of the -wal, the one before and the one of the run."""
    magic, _, page_size, _, salts = _unpacked(_WAL_HEADER, wal)
    if magic not in _WAL_MAGIC:
        return  # SQLite ignores it
    start = _WAL_HEADER.size
    while True:
        wal.seek(start)
        page, _, salts_of_frame = _unpacked(_FRAME_HEADER, wal)
        if salts_of_frame != salts:  # the end, or what is left of an earlier -wal
            return
        if page == 1:
            yield _unpacked(_TOKENS, wal)
        start += _FRAME_HEADER.size + page_size


def _unpacked(form: struct.Struct, opened: BinaryIO) -> tuple[Any, ...]:  # Any: what the form says
    """The next members; zeros and empty texts beyond the end of the file."""
    return form.unpack(opened.read(form.size).ljust(form.size, b"\0"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
