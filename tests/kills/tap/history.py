"""The output of a tap as the judge needs it: records and bookmarks, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec


class Partition(NamedTuple):
    """A stream of an account, which has its own bookmark. Without `account_ids` the account is empty."""

    stream: str
    account: str


class Emitted(NamedTuple):
    """A RECORD message; `created` is the record's, in Unix seconds."""

    partition: Partition
    id: str
    created: int


class Bookmark(NamedTuple):
    """The bookmark of one partition in a STATE. `ids` is unparsed JSON: most comparisons do not need its content."""

    end: int
    reread_from: int
    ids: bytes = b"[]"

    def id_set(self) -> frozenset[str]:
        """The ids, parsed; null once they ended."""
        return frozenset(msgspec.json.decode(self.ids, type=list[str] | None) or ())


class State(NamedTuple):
    """A STATE message: the length of its line in bytes, and its bookmarks."""

    length: int
    bookmarks: Mapping[Partition, Bookmark]


Event = Emitted | State


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process: Stripe's time before its start, whether a signal ended it, and the complete lines that it wrote.

    `counted` is how many records of each partition its summary counts; None without a summary, as after SIGKILL.
    """

    clock_unix: int
    was_killed: bool
    events: Sequence[Event]
    counted: Mapping[Partition, int] | None = None


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()


class _Record(msgspec.Struct):
    id: str
    created: int
    account: str = msgspec.field(name="_stripe_account", default="")


class _Context(msgspec.Struct):
    account: str = msgspec.field(name="_stripe_account", default="")


class _Bookmark(msgspec.Struct):
    """The bookmark of a stream without partitions, or of one partition."""

    end: int | None = msgspec.field(name="replication_key_value", default=None)
    reread_from: int | None = None
    ids: msgspec.Raw = msgspec.field(name="emitted_ids", default_factory=lambda: msgspec.Raw(b"[]"))
    context: _Context = msgspec.field(default_factory=_Context)
    partitions: list[_Bookmark] = []


class _Value(msgspec.Struct):
    bookmarks: dict[str, _Bookmark] = {}


def whole_lines(output: bytes) -> list[bytes]:
    """The lines of `output` without their ends; without an incomplete last line."""
    return output.split(b"\n")[:-1]


def events_of(output: bytes) -> list[Event]:
    """The RECORD and STATE messages of a process; an incomplete last line is ignored. Raises ValueError if invalid."""
    return [event for line in whole_lines(output) if (event := _event(line)) is not None]


def last_state(output: bytes) -> bytes | None:
    """The value of the last complete STATE as JSON; None without one."""
    for line in reversed(whole_lines(output)):
        message = msgspec.json.decode(line, type=_Message)
        if message.type == "STATE":
            return bytes(message.value)
    return None


def counted_in(log: str) -> dict[Partition, int] | None:
    """How many records of each partition the summary at the end of a log counts; None without a summary."""
    rows = [line.split("|", 3)[3].split() for line in log.splitlines() if line.count("|") >= 3]
    titles = [number for number, row in enumerate(rows) if row[:3] == ["stream", "account", "records"]]
    if not titles:
        return None
    return {Partition(*row[:2]): int(row[2]) for row in rows[titles[-1] + 1 :]}


def _event(line: bytes) -> Event | None:
    message = msgspec.json.decode(line, type=_Message)
    match message.type:
        case "RECORD":
            record = msgspec.json.decode(message.record, type=_Record)
            return Emitted(Partition(message.stream, record.account), record.id, record.created)
        case "STATE":
            value = msgspec.json.decode(message.value, type=_Value)
            return State(len(line), dict(_bookmarks(value)))
        case _:
            return None


def _bookmarks(value: _Value) -> list[tuple[Partition, Bookmark]]:
    return [
        (Partition(stream, each.context.account), Bookmark(each.end, _start(each), bytes(each.ids)))
        for stream, entry in value.bookmarks.items()
        for each in [entry, *entry.partitions]
        if each.end is not None
    ]


def _start(bookmark: _Bookmark) -> int:
    """Where the next run lists from; in an old state without `reread_from`, the end."""
    return bookmark.reread_from if bookmark.reread_from is not None else bookmark.end or 0
