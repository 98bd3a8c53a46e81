"""What the rejects file tells of records that were never sent, read line by line."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from stripe_flow.api.errors import Misconfigured
from stripe_flow.report.private import shown_field, shown_text
from target_stripe_flow.outcome import Place
from target_stripe_flow.rejects import LONGEST_LINE_BYTES

# Reasons told apart; the rest is counted as one.
MOST_REASONS = 200
OTHERS = ("", "", "other reasons")


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A record that was never sent: why, at which line of its input, and its source key as it is."""

    stream: str
    field: str
    reason: str
    line: int | None
    at_unix: int | None
    source_key: str


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """`newest` are the last ones of the file; `reasons` counts all of them by stream, field and reason."""

    total: int
    newest: tuple[Reject, ...]
    reasons: Counter[tuple[str, str, str]]


def read_rejects(path: Path, most: int) -> Rejected:
    """Of a file that need not be there. Lines that are no report are passed over. Raises Misconfigured."""
    newest: deque[Reject] = deque(maxlen=most)
    reasons: Counter[tuple[str, str, str]] = Counter()
    total = 0
    try:
        for reject in _rejects(path):
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
    return Rejected(total=total, newest=tuple(reversed(newest)), reasons=reasons)


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
                    "stripe_flow": {"place": Place.REJECTED.value, "request_id": None, **told},
                }:
                    yield _reject(stream, told, [str(record.get(name, "")) for name in keys.get(stream, [])])


def _message(line: bytes) -> Any:  # Any: JSON
    """None where the line is no JSON: the file may hold whatever else a person has put there."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _reject(stream: str, told: Mapping[Any, Any], source_key: list[str]) -> Reject:  # Any: JSON
    line = told.get("line")
    return Reject(
        stream=shown_field(stream),
        field=shown_field(str(told.get("field") or "")),
        reason=shown_text(told.get("reason") or "no reason", source_key),
        line=line if isinstance(line, int) else None,
        at_unix=_unix(told.get("at")),
        source_key=",".join(source_key),
    )


def _unix(at: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(at)).timestamp())
    except (ValueError, OverflowError):
        return None
