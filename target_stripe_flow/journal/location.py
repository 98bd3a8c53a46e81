"""The location of the journal, from the setting journal_url: an SQLite file or a PostgreSQL database."""

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
from target_stripe_flow.journal import opening, shared, writable
from target_stripe_flow.journal.file_lock import lock_owner
from target_stripe_flow.journal.migrations import Fill
from target_stripe_flow.journal.ownership import LeaseTerms
from target_stripe_flow.journal.store import Journal

JOURNAL_FILE = "stripe-flow-journal.db"
_FORMS = "sqlite:////absolute/path.db, sqlite:///relative/path.db or postgresql://user:password@host:5432/database"
_ESCAPES = "In a user name or password write @ as %40, / as %2F, : as %3A, ? as %3F and % as %25"
# The members of a URL's query that are shown; any other may be a secret.
_SHOWN = ("host", "port")
_SECRET = ("password", "sslpassword")
HIDDEN = "***"


class Location(Protocol):
    """Where a journal is. `str()` is for people and holds neither password nor user name."""

    @property
    def folder(self) -> Path:
        """Where the files beside the journal are, such as the rejects file."""

    def is_there(self) -> bool:
        """Whether a journal exists there. Raises JournalBroken, and Misconfigured if its file is not the whole one."""

    def check_writable(self) -> None:
        """Raises Misconfigured if a run could not write the journal or create it. Changes nothing."""

    def files(self) -> list[Path]:
        """The files that hold the journal's rows, as far as they exist; none of a database."""

    def own_names(self) -> list[Path]:
        """The names of all files that the journal has or may get, its lock file too; none of a database."""

    def owners(self) -> list[str]:
        """The processes that use the journal now, as text for people. Raises JournalBroken."""

    def source_names(self) -> list[str]:
        """Every source_name in the journal, which exists, also in one of an older release. Raises JournalBroken."""

    def open_journal(self, fill: Fill | None = None) -> AbstractContextManager[Journal]:
        """The journal, for writing; created or migrated if necessary. Raises Misconfigured and JournalBroken.

        `fill` writes the first rows of a new journal, in the transaction that creates it.
        """

    def open_read_only(self) -> AbstractContextManager[Journal]:
        """The journal, for reading only. Raises Misconfigured if there is none, and JournalBroken."""


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
        """Whether the file has a journal's tables: an empty file is no journal."""
        return opening.is_there(self.path)

    def check_writable(self) -> None:
        writable.check_files(self.path)

    def files(self) -> list[Path]:
        file = self.path.resolve()
        return [each for end in ("", "-wal", "-shm") if (each := file.with_name(f"{file.name}{end}")).is_file()]

    def own_names(self) -> list[Path]:
        file = self.path.resolve()
        return [file.with_name(f"{file.name}{end}") for end in ("", "-wal", "-shm", "-journal", ".lock")]

    def owners(self) -> list[str]:
        pid = lock_owner(self.path)
        return [] if pid is None else [f"process {pid}"]

    def source_names(self) -> list[str]:
        return opening.source_names(self.path)

    def open_journal(self, fill: Fill | None = None) -> AbstractContextManager[Journal]:
        return opening.open_journal(self.path, fill=fill)

    def open_read_only(self) -> AbstractContextManager[Journal]:
        return opening.open_read_only(self.path)


@dataclass(frozen=True)
class Shared:
    """A PostgreSQL database, for any number of processes at once."""

    url: URL
    folder: Path
    terms: LeaseTerms

    def __str__(self) -> str:
        url = self.url
        if url.username is None and "@" in url.render_as_string(hide_password=False):
            return f"{url.drivername}://{HIDDEN}"  # a parameter has it, a password perhaps
        query = {name: value for name, value in url.query.items() if name in _SHOWN}
        shown = URL.create(url.drivername, host=url.host, port=url.port, database=url.database, query=query)
        return shown.render_as_string().replace("://", "://" if url.username is None else f"://{HIDDEN}@", 1)

    def is_there(self) -> bool:
        return shared.is_there(self.url, str(self))

    def check_writable(self) -> None:
        shared.check_writable(self.url, str(self))

    def files(self) -> list[Path]:
        return []

    def own_names(self) -> list[Path]:
        return []

    def owners(self) -> list[str]:
        return shared.live_owners(self.url, str(self))

    def source_names(self) -> list[str]:
        return shared.source_names(self.url, str(self))

    def open_journal(self, fill: Fill | None = None) -> AbstractContextManager[Journal]:
        return shared.open_journal(self.url, str(self), self.terms, fill)

    def open_read_only(self) -> AbstractContextManager[Journal]:
        return shared.open_read_only(self.url, str(self))


def location_of(config: Mapping[str, object]) -> Location:
    """The location that journal_url names; by default a file in the Meltano project, else in the working folder.

    Raises Misconfigured.
    """
    base = Path(os.environ.get("MELTANO_PROJECT_ROOT", "."))
    journal_url = config.get("journal_url")
    if not journal_url:
        return File(base / JOURNAL_FILE)
    try:
        url = make_url(str(journal_url))
    except (ArgumentError, ValueError):  # the port is not a number
        raise Misconfigured(f"setting journal_url is not a URL: write {_FORMS}. {_ESCAPES}") from None
    is_file = url.drivername in {"sqlite", "sqlite+pysqlite"} and not (url.host or url.username)
    if not is_file and str(journal_url).count("@") > 1:
        raise Misconfigured(f"setting journal_url has more than one @, so its parts are not clear. {_ESCAPES}")
    if url.drivername in {"postgresql", "postgresql+psycopg"} and url.database:
        _protect(url, str(journal_url))
        timeout_s = float(cast("float", config.get("timeout_s", SETTINGS["timeout_s"]["default"])))
        return Shared(url, base, LeaseTerms(timeout_s=timeout_s))
    if not is_file or not url.database or url.database == ":memory:" or url.query:
        raise Misconfigured(
            f"setting journal_url must name an SQLite file or a PostgreSQL database: {_FORMS}. {_ESCAPES}"
        )
    return File(base / url.database)


def _protect(url: URL, text: str) -> None:
    """Hide passwords and user names in all messages, those of the driver included: it quotes them."""
    user_info = text.partition("://")[2].rpartition("@")[0]
    for value in (url.password, user_info, user_info.partition(":")[2], *(url.query.get(name) for name in _SECRET)):
        if isinstance(value, str):
            redaction.protect(value)
    for value in (url.username, url.password, *(url.query.get(name) for name in ("user", *_SECRET))):
        if isinstance(value, str):
            redaction.protect_quoted(value)
