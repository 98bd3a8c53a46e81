"""What the rejects file tells of records that were never sent, read line by line."""

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
from stripe_flow_cli.report import asking
from stripe_flow_cli.report.private import shown_field, shown_text
from target_stripe_flow.attempts import identity
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Rejected as WrongRecord
from target_stripe_flow.results.outcome import Status
from target_stripe_flow.results.rejects import LONGEST_LINE_BYTES, status_of

# Reasons told apart; the rest is counted as one.
MOST_REASONS = 200
# So many are asked about in one query, for each source: databases take no endless lists.
AT_ONCE = 500
OTHERS = ("", "", "other reasons")


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A record that was not sent: why, when, at which line of its input; its source key as it is, if it has one."""

    stream: str
    action: str
    field: str
    reason: str
    line: int | None
    at_unix: int | None
    source_key: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """`newest` are the last ones of the file; `reasons` counts all of them by stream, field and reason.

    `sent_since` are not among them.
    """

    total: int
    sent_since: int
    newest: tuple[Reject, ...]
    reasons: Counter[tuple[str, str, str]]


class Since:
    """Leaves out what was sent since it was rejected: the file keeps its lines, and the record was mended."""

    def __init__(self, journal: Journal, scopes: Sequence[Scope]) -> None:
        """`scopes` are those whose records the file may hold."""
        self.sent = 0
        self._journal, self._scopes = journal, scopes

    def not_sent(self, rejects: Iterator[Reject]) -> Iterator[Reject]:
        """In their order. Raises JournalBroken."""
        while some := list(islice(rejects, AT_ONCE)):
            digests = [self._digests(reject) for reject in some]
            last = asking.last_moments(self._journal, [digest for each in digests for digest in each])
            for reject, its in zip(some, digests, strict=True):
                if any(last.get(digest, 0) > (reject.at_unix or math.inf) for digest in its):
                    self.sent += 1
                else:
                    yield reject

    def _digests(self, reject: Reject) -> list[str]:
        if not reject.source_key:
            return []
        return [
            Identity(scope=scope, action=reject.action, source_key=reject.source_key).digest for scope in self._scopes
        ]


def read_rejects(path: Path, most: int, since: Since) -> Rejected:
    """Of a file that need not be there; lines that are no report are passed over.

    Raises Misconfigured, and what `since` raises.
    """
    newest: deque[Reject] = deque(maxlen=most)
    reasons: Counter[tuple[str, str, str]] = Counter()
    total = 0
    try:
        for reject in since.not_sent(_rejects(path)):
            total += 1
            newest.append(reject)
            why = (reject.stream, reject.field, reject.reason)
            reasons[why if why in reasons or len(reasons) < MOST_REASONS else OTHERS] += 1
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Misconfigured(
            f"the rejects file {path} cannot be read ({error.strerror}): mend that, or set rejects_path"
        ) from None
    return Rejected(total=total, sent_since=since.sent, newest=tuple(reversed(newest)), reasons=reasons)


def _rejects(path: Path) -> Iterator[Reject]:
    keys: dict[str, list[str]] = {}
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE_BYTES):
            match _message(line):
                case {"type": "SCHEMA", "stream": str(stream), "key_properties": list(names)}:
                    keys[stream] = [str(name) for name in names]
                case {
                    "type": "RECORD",
                    "stream": str(stream),
                    "record": dict(record),
                    "stripe_flow": {"request_id": None, **told},
                } if status_of(told) == Status.REJECTED.value:
                    yield _reject(stream, told, _source_key(record, keys.get(stream, [])))


def _message(line: bytes) -> Any:  # Any: JSON
    """None where the line is no JSON: the file may hold whatever else a person has put there."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _reject(stream: str, told: Mapping[Any, Any], source_key: tuple[str, ...]) -> Reject:  # Any: JSON
    line = told.get("line")
    return Reject(
        stream=shown_field(stream),
        action=stream,
        field=shown_field(str(told.get("field") or "")),
        reason=shown_text(told.get("reason") or "no reason", source_key),
        line=line if isinstance(line, int) else None,
        at_unix=_unix(told.get("at")),
        source_key=source_key,
    )


def _source_key(record: Mapping[Any, Any], names: list[str]) -> tuple[str, ...]:  # Any: JSON
    """Empty where it has none: that may be the very reason."""
    try:
        return identity.source_key(record, names)
    except WrongRecord:
        return ()


def _unix(at: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(at)).timestamp())
    except (ValueError, OverflowError):
        return None
