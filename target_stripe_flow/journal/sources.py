"""What the journal remembers of each source: its input streams, and the names of its key properties in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, inspect, select, update

from target_stripe_flow.journal.schema import attempts, sources
from target_stripe_flow.journal.store import Journal, insert_absent

_ADD = insert_absent(sources)
_KEY = [column.name for column in sources.primary_key]
_IS_SOURCE = and_(*(sources.c[name] == bindparam(f"of_{name}") for name in _KEY))
# The row must be as it was read: another worker may have bound the source meanwhile.
_CHANGE_IF_SAME = update(sources).where(
    _IS_SOURCE,
    sources.c.streams == bindparam("was_streams"),
    sources.c.key_names.is_not_distinct_from(bindparam("was_key_names")),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source_name of one action, account and mode.

    `streams` are input streams, before stream maps. `key_names` is None until a run has read a SCHEMA of the source.
    `is_added`: a person has said that it is a source of its own. `bound_by` is the id of the run that remembered it
    first; empty for a source of an older journal.
    """

    account: str
    mode: str
    action: str
    source_name: str
    streams: tuple[str, ...] = ()
    key_names: tuple[str, ...] | None = None
    is_added: bool = False
    bound_by: str = ""

    def row(self) -> dict[str, Any]:  # Any: the columns' values
        """The columns of the table."""
        return {
            "account": self.account,
            "mode": self.mode,
            "action": self.action,
            "source_name": self.source_name,
            "streams": json.dumps(self.streams),
            "key_names": None if self.key_names is None else json.dumps(self.key_names),
            "is_added": int(self.is_added),
            "bound_by": self.bound_by,
        }


def read_sources(journal: Journal, account: str | None = None, mode: str | None = None) -> list[Source]:
    """The sources of one account and mode, or of all. Raises JournalBroken."""
    query = select(sources).order_by(*sources.primary_key)
    for column, value in ((sources.c.account, account), (sources.c.mode, mode)):
        if value is not None:
            query = query.where(column == value)
    return [_read(row) for row in journal.ask(query)]


def bind_source(journal: Journal, wanted: Source) -> Source:
    """Remember `wanted`, unless the source is remembered already. Returns what the journal remembers then.

    Of several workers that bind one source at once, the first one decides; the others get its source. Keys that are
    not known yet are bound only to a stream that the source has, or to its first one. Raises JournalBroken.
    """
    found = find_source(journal, wanted)
    if found is None:
        write_source(journal, wanted)
        found = find_source(journal, wanted)
    while found is not None and found.key_names is None and set(wanted.streams) <= {*(found.streams or wanted.streams)}:
        bound = replace(found, streams=found.streams or wanted.streams, key_names=wanted.key_names)
        change_source(journal, bound, was=found)
        found = find_source(journal, wanted)
    return found or wanted


def write_source(journal: Journal, source: Source) -> None:
    """Remember a source; does nothing if it is remembered already. Raises JournalBroken."""
    journal.write(source.source_name, (_ADD, source.row()))


def change_source(journal: Journal, source: Source, *, was: Source) -> bool:
    """Replace `was` by `source`. False if another process has changed it since. Raises JournalBroken."""
    row = source.row()
    of = {f"of_{name}": row.pop(name) for name in _KEY}
    expected = {f"was_{name}": was.row()[name] for name in ("streams", "key_names")}
    return journal.write(source.source_name, (_CHANGE_IF_SAME, of | expected | row)) > 0


def known_names(connection: Connection) -> list[str]:
    """Every source_name in a journal of any release, in alphabetical order."""
    there = inspect(connection)
    tables = [table for table in (attempts, sources) if there.has_table(table.name)]
    found = {name for table in tables for name in connection.execute(select(table.c.source_name).distinct()).scalars()}
    return sorted(found - {None})


def find_source(journal: Journal, wanted: Source) -> Source | None:
    """The source with the account, mode, action and name of `wanted`, as it is remembered. Raises JournalBroken."""
    is_wanted = and_(*(sources.c[name] == getattr(wanted, name) for name in _KEY))
    return next((_read(row) for row in journal.ask(select(sources).where(is_wanted))), None)


def _read(row: Row[Any]) -> Source:  # Any: the columns' values
    columns = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy documents it
    keys = columns.pop("key_names")
    return Source(
        streams=tuple(json.loads(columns.pop("streams"))),
        key_names=None if keys is None else tuple(json.loads(keys)),
        is_added=bool(columns.pop("is_added")),
        **columns,
    )
