"""The records of the rejects file that were never sent, read line by line."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.report import queries
from stripe_flow_cli.report.private import mask_field, mask_text
from target_stripe_flow.attempts import identity
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.journal.sources import Source
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.line_file import LONGEST_LINE_BYTES
from target_stripe_flow.results.outcome import Rejected, Status
from target_stripe_flow.results.report import status_of

# Different reasons that are counted by themselves; `OTHERS` counts the rest.
MOST_REASONS = 200
# Identities per query and source: databases limit the length of a list.
BATCH = 500
OTHERS = ("", "", "other reasons")


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A record that was not sent: the reason, the time, the line of its input, and its key unmasked.

    `stream` and the names in `key` are as the input has them. `key` is empty where the record has none.
    """

    stream: str
    source_name: str | None
    field: str
    reason: str
    line: int | None
    at_unix: int | None
    key: Mapping[str, str]

    def key_in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """The values of the key by these names; empty unless they are the names of this key."""
        ordered = list(names)
        return tuple(self.key[name] for name in ordered) if sorted(ordered) == sorted(self.key) else ()


@dataclass(frozen=True, kw_only=True)
class Rejects:
    """The newest records of the file, and the counts of all by stream, field and reason.

    `sent_since` counts records that were sent later; the other members leave them out.
    """

    total: int
    sent_since: int
    newest: tuple[Reject, ...]
    reasons: Counter[tuple[str, str, str]]


class SentLater:
    """Filters out records that were fixed and sent after they were rejected: the file keeps their lines.

    A record counts as sent only if its source and key are known, in the order that the journal remembers, and if the
    journal's row is newer in every account and mode of that source. Lines of older releases have no source_name, and
    their time is of another clock than the journal's: they always stay.
    """

    def __init__(self, journal: Journal, sources: Sequence[Source]) -> None:
        """`sources` are those that the report covers."""
        self.count = 0
        self._journal, self._sources = journal, sources

    def remove_from(self, rejects: Iterator[Reject]) -> Iterator[Reject]:
        """The records that were not sent later, in order; counts the others. Raises JournalBroken."""
        while batch := list(islice(rejects, BATCH)):
            digests = [self._digests(reject) for reject in batch]
            last = queries.read_last_times(self._journal, [digest for each in digests for digest in each])
            for reject, candidates in zip(batch, digests, strict=True):
                at_unix = math.inf if reject.at_unix is None else reject.at_unix
                if candidates and all(last.get(digest, 0) > at_unix for digest in candidates):
                    self.count += 1
                else:
                    yield reject

    def _digests(self, reject: Reject) -> list[str]:
        """The identities that the record may have."""
        found = []
        for source in self._sources:
            streams = source.streams or (source.action,)  # none are known of a source of an older journal
            if source.source_name == reject.source_name and reject.stream in streams:
                parts = reject.key_in_order(source.key_names or reject.key)
                if not parts:
                    return []
                scope = Scope(account=source.account, mode=source.mode, source_name=source.source_name)
                found.append(Identity(scope=scope, action=source.action, source_key=parts).digest)
        return found


def read_rejects(path: Path, most: int, sent_later: SentLater) -> Rejects:
    """The rejects in the file, of which `most` are listed; a missing file has none, other lines are ignored.

    Raises Misconfigured if the file cannot be read, and JournalBroken.
    """
    newest: deque[Reject] = deque(maxlen=most)
    reasons: Counter[tuple[str, str, str]] = Counter()
    total = 0
    try:
        for reject in sent_later.remove_from(_read_lines(path)):
            total += 1
            newest.append(reject)
            why = (mask_field(reject.stream), reject.field, reject.reason)
            reasons[why if why in reasons or len(reasons) < MOST_REASONS else OTHERS] += 1
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Misconfigured(
            f"the rejects file {path} cannot be read ({error.strerror}): fix that, or set rejects_path"
        ) from None
    return Rejects(total=total, sent_since=sent_later.count, newest=tuple(reversed(newest)), reasons=reasons)


def _read_lines(path: Path) -> Iterator[Reject]:
    keys: dict[str, list[str]] = {}
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE_BYTES):
            match _parse(line):
                case {"type": "SCHEMA", "stream": str(stream), "key_properties": list(names)}:
                    keys[stream] = [str(name) for name in names]
                case {
                    "type": "RECORD",
                    "stream": str(stream),
                    "record": dict(record),
                    "stripe_flow": {"request_id": None, **verdict},
                } if status_of(verdict) == Status.REJECTED.value:
                    yield _make_reject(stream, verdict, _key(record, keys.get(stream, [])))


def _parse(line: bytes) -> Any:  # Any: JSON
    """The line's JSON; None where it is none, as a person may have edited the file."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _make_reject(stream: str, verdict: Mapping[Any, Any], key: Mapping[str, str]) -> Reject:  # Any: JSON
    line, source_name = verdict.get("line"), verdict.get("source_name")
    return Reject(
        stream=stream,
        source_name=source_name if isinstance(source_name, str) else None,
        field=mask_field(str(verdict.get("field") or "")),
        reason=mask_text(verdict.get("reason") or "no reason", key.values()),
        line=line if isinstance(line, int) else None,
        at_unix=_unix(verdict.get("at")),
        key=key,
    )


def _key(record: Mapping[Any, Any], names: list[str]) -> Mapping[str, str]:  # Any: JSON
    """Key name → canonical text; empty where the record has no key, which may be why it was rejected."""
    try:
        return dict(zip(names, identity.source_key(record, names), strict=True))
    except Rejected:
        return {}


def _unix(at: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(at)).timestamp())
    except (ValueError, OverflowError):
        return None
