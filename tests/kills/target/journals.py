"""The journal of an ordeal, of either kind, read as any other program could."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tests.support.postgres import asked

# A lease is twice as long. The sandbox answers in less time, even on a busy machine.
TIMEOUT_S = 1.0
_OPEN = (
    "SELECT action, source_key FROM attempts "
    "WHERE state IN ('unknown', 'parked', 'intent', 'processing', 'requires_action')"
)


class KeptJournal(Protocol):
    """The journal of the targets under test."""

    @property
    def settings(self) -> Mapping[str, object]:
        """The target's settings for this journal."""

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query; none if there is no journal yet."""


class OwnFile:
    """The file that the target creates by default in its folder."""

    def __init__(self, folder: Path) -> None:
        self.settings: Mapping[str, object] = {}
        self._path = folder / "stripe-flow-journal.db"

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:  # Any: the columns' values
        """See KeptJournal."""
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(self._path, timeout=30)) as raw:
            return raw.execute(query).fetchall()


class OnPostgres:
    """A schema of PostgreSQL. Leases are short, because the next run waits for the rows of a dead process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.settings: Mapping[str, object] = {"journal_url": url, "timeout_s": TIMEOUT_S}

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:  # Any: the columns' values
        """See KeptJournal."""
        [(is_there,)] = asked(self._url, "SELECT to_regclass('attempts') IS NOT NULL")
        return asked(self._url, query) if is_there else []


def in_doubt(journal: KeptJournal) -> frozenset[str]:
    """The names of the rows whose attempts are open."""
    return frozenset(f"{action}-{json.loads(key)[0]}" for action, key in journal.ask(_OPEN))
