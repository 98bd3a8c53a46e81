"""The journal of an ordeal, on either database, read as any program could: what it says of the rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tests.support.postgres import asked

# A lease is two of them; a machine that is busy with other tests answers in less.
TIMEOUT_S = 1.0
_OPEN = (
    "SELECT action, source_key FROM attempts "
    "WHERE state IN ('unknown', 'parked', 'intent', 'processing', 'requires_action')"
)


class KeptJournal(Protocol):
    """Where the journal is."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of a target that keeps it there."""

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query; none where there is no journal yet."""


class OwnFile:
    """What the target makes where it runs, if it is told nothing."""

    def __init__(self, folder: Path) -> None:
        self.settings: Mapping[str, object] = {}
        self._path = folder / "stripe-flow-journal.db"

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:  # Any: what the columns hold
        """See Books."""
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(self._path, timeout=30)) as raw:
            return raw.execute(query).fetchall()


class OnPostgres:
    """An empty schema at first; leases are short, since the rows of the dead wait for them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.settings: Mapping[str, object] = {"journal_url": url, "timeout_s": TIMEOUT_S}

    def ask(self, query: str) -> Sequence[tuple[Any, ...]]:  # Any: as above
        """See Books."""
        [(is_there,)] = asked(self._url, "SELECT to_regclass('attempts') IS NOT NULL")
        return asked(self._url, query) if is_there else []


def in_doubt(journal: KeptJournal) -> frozenset[str]:
    """The rows that it says are to be settled."""
    return frozenset(f"{action}-{json.loads(key)[0]}" for action, key in journal.ask(_OPEN))
