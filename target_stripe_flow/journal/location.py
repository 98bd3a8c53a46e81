"""The setting journal_url → where the journal is, and how it is opened there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from stripe_flow.api import redaction
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import SETTINGS
from target_stripe_flow.journal import opening, shared
from target_stripe_flow.journal.file_lock import owner_of
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.store import Journal

JOURNAL_FILE = "stripe-flow-journal.db"
_FORMS = "sqlite:////absolute/path.db, sqlite:///relative/path.db or postgresql://user:password@host:5432/database"
# Of a URL's query, what says where the database is; anything else may be a secret.
_SHOWN = ("host", "port")
_SECRET = ("password", "sslpassword")


class Location(Protocol):
    """Where a journal is; its text is for people and holds no password."""

    @property
    def folder(self) -> Path:
        """Where the files lie that belong to it."""

    def is_there(self) -> bool: ...

    def check_writable(self) -> None:
        """Touches nothing. Raises Misconfigured where it could not be made, as far as that can be seen."""

    def owners(self) -> list[str]:
        """Who has it in hand now, in words for people. Raises JournalBroken."""

    def open_journal(self) -> AbstractContextManager[Journal]:
        """For a run; made where necessary. Raises Misconfigured and JournalBroken, as does the next one."""

    def open_read_only(self) -> AbstractContextManager[Journal]:
        """As it is, not to be written."""


@dataclass(frozen=True)
class File:
    """An SQLite file, for one process at a time."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def folder(self) -> Path:
        return self.path.parent

    def is_there(self) -> bool:
        """An empty file is none: nothing has been written into it, not even that it is a journal."""
        return self.path.is_file() and self.path.stat().st_size > 0

    def check_writable(self) -> None:
        if self.path.is_dir() or not os.access(self.path.parent, os.W_OK | os.X_OK):
            why = "it is a folder" if self.path.is_dir() else "its folder is not there, or may not be written"
            raise Misconfigured(f"the journal {self.path} cannot be made ({why}): mend that, or set journal_url")

    def owners(self) -> list[str]:
        pid = owner_of(self.path)
        return [] if pid is None else [f"process {pid}"]

    def open_journal(self) -> AbstractContextManager[Journal]:
        return opening.open_journal(self.path)

    def open_read_only(self) -> AbstractContextManager[Journal]:
        return opening.open_read_only(self.path)


@dataclass(frozen=True)
class Shared:
    """A PostgreSQL database, for as many processes as there are."""

    url: URL
    folder: Path
    terms: LeaseTerms

    def __str__(self) -> str:
        shown = self.url.difference_update_query([name for name in self.url.query if name not in _SHOWN])
        return shown.render_as_string(hide_password=True)

    def is_there(self) -> bool:
        return shared.is_there(self.url, str(self))

    def check_writable(self) -> None:
        """Whether it is there asks the database, and that is look enough."""

    def owners(self) -> list[str]:
        return shared.owners_of(self.url, str(self))

    def open_journal(self) -> AbstractContextManager[Journal]:
        return shared.open_journal(self.url, str(self), self.terms)

    def open_read_only(self) -> AbstractContextManager[Journal]:
        return shared.open_read_only(self.url, str(self))


def location_of(config: Mapping[str, object]) -> Location:
    """By default a file, below the Meltano project, if there is one. Raises Misconfigured."""
    base = Path(os.environ.get("MELTANO_PROJECT_ROOT", "."))
    given = config.get("journal_url")
    if not given:
        return File(base / JOURNAL_FILE)
    try:
        url = make_url(str(given))
    except (ArgumentError, ValueError):  # a port that is no number
        raise Misconfigured(f"setting journal_url is no URL: write {_FORMS}") from None
    if url.drivername in {"postgresql", "postgresql+psycopg"} and url.database:
        _protect(url)
        timeout_s = float(cast("float", config.get("timeout_s", SETTINGS["timeout_s"]["default"])))
        return Shared(url, base, LeaseTerms(timeout_s=timeout_s))
    if (
        url.drivername not in {"sqlite", "sqlite+pysqlite"}
        or not url.database
        or url.database == ":memory:"
        or url.query
    ):
        raise Misconfigured(f"setting journal_url must name an SQLite file or a PostgreSQL database: {_FORMS}")
    return File(base / url.database)


def _protect(url: URL) -> None:
    """Passwords are hidden wherever they would be said, in a driver's words too."""
    for value in (url.password, *(url.query.get(name) for name in _SECRET)):
        if isinstance(value, str):
            redaction.protect(value)
