"""The rejects file: what did not become a Stripe object, with the reason, as Singer messages to mend and pipe back."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stripe_flow.api import redaction
from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.outcome import Outcome

_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){11,18}(?![0-9])")


class Rejects:
    """Opened at the first reject, readable by its owner alone. A line is on disk before `add` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._described: set[str] = set()
        self._lock = threading.Lock()

    def add(
        self, stream: str, key_properties: Sequence[str], record: Mapping[str, Any], line: int, outcome: Outcome
    ) -> None:
        """Append the record with what became of it; a SCHEMA before the first of its stream.

        Raises Misconfigured where the file cannot be written: the record is then not accounted for.
        """
        message = {"type": "RECORD", "stream": stream, "record": masked(record), "stripe_flow": _told(outcome, line)}
        with self._lock:
            lines = [] if stream in self._described else [_schema(stream, key_properties)]
            try:
                self._append(b"".join(msgspec.json.encode(each) + b"\n" for each in [*lines, message]))
            except OSError as error:
                raise Misconfigured(
                    f"the rejects file {self.path} cannot be written ({error.strerror}): mend that, or set rejects_path"
                ) from None
            self._described.add(stream)

    def _append(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)


def _schema(stream: str, key_properties: Sequence[str]) -> dict[str, Any]:
    return {"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": list(key_properties)}


def _told(outcome: Outcome, line: int) -> dict[str, Any]:
    refusal = outcome.refusal
    return {
        "place": outcome.place.value,
        "reason": outcome.reason,
        "field": outcome.field or None,
        "code": (refusal.code or None) if refusal else None,
        "decline_code": (refusal.decline_code or None) if refusal else None,
        "request_id": (refusal.request_id or None) if refusal else None,
        "line": line,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def masked(value: Any) -> Any:  # Any: JSON
    """`value` with card numbers and keys hidden, and what JSON cannot hold made to fit."""
    if isinstance(value, Mapping):
        return {masked(name): masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return _DIGITS.sub(_hide_card, redaction.redact(value.encode(errors="replace").decode()))
    if isinstance(value, int) and not isinstance(value, bool):
        return "[card number]" if _is_card(str(value)) else value
    return value


def _hide_card(found: re.Match[str]) -> str:
    return "[card number]" if _is_card(re.sub(r"[^0-9]", "", found[0])) else found[0]


def _is_card(digits: str) -> bool:
    """Whether the digits pass the check of ISO/IEC 7812-1, which one in ten other numbers passes as well."""
    if not 12 <= len(digits) <= 19 or not digits.isdecimal():
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
