"""The records of the rejects file that were never sent, read line by line."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
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
    """A record that was not sent: the reason, the time, the line of its input, and its source key unmasked.

    `source_key` is empty where the record has none.
    """

    stream: str
    action: str
    field: str
    reason: str
    line: int | None
    at_unix: int | None
    source_key: tuple[str, ...]


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
    """Filters out records that were fixed and sent after they were rejected: the file keeps their lines."""

    def __init__(self, journal: Journal, scopes: Sequence[Scope]) -> None:
        """`scopes` are the accounts, modes and sources of records that the file may hold."""
        self.count = 0
        self._journal, self._scopes = journal, scopes

    def remove_from(self, rejects: Iterator[Reject]) -> Iterator[Reject]:
        """The records that were not sent later, in order; counts the others. Raises JournalBroken."""
        while batch := list(islice(rejects, BATCH)):
            digests = [self._digests(reject) for reject in batch]
            last = queries.read_last_times(self._journal, [digest for each in digests for digest in each])
            for reject, candidates in zip(batch, digests, strict=True):
                if any(last.get(digest, 0) > (reject.at_unix or math.inf) for digest in candidates):
                    self.count += 1
                else:
                    yield reject

    def _digests(self, reject: Reject) -> list[str]:
        if not reject.source_key:
            return []
        return [
            Identity(scope=scope, action=reject.action, source_key=reject.source_key).digest for scope in self._scopes
        ]


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
            why = (reject.stream, reject.field, reject.reason)
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
                    yield _make_reject(stream, verdict, _source_key(record, keys.get(stream, [])))


def _parse(line: bytes) -> Any:  # Any: JSON
    """The line's JSON; None where it is none, as a person may have edited the file."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _make_reject(stream: str, verdict: Mapping[Any, Any], source_key: tuple[str, ...]) -> Reject:  # Any: JSON
    line = verdict.get("line")
    return Reject(
        stream=mask_field(stream),
        action=stream,
        field=mask_field(str(verdict.get("field") or "")),
        reason=mask_text(verdict.get("reason") or "no reason", source_key),
        line=line if isinstance(line, int) else None,
        at_unix=_unix(verdict.get("at")),
        source_key=source_key,
    )


def _source_key(record: Mapping[Any, Any], names: list[str]) -> tuple[str, ...]:  # Any: JSON
    """Empty where the record has none, which may be why it was rejected."""
    try:
        return identity.source_key(record, names)
    except Rejected:
        return ()


def _unix(at: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(at)).timestamp())
    except (ValueError, OverflowError):
        return None
