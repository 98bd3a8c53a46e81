"""The report of a reject: the member `stripe_flow` of its line, and what makes two reports the same. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome

# The members of a report that, with its record and status, make it another report.
_IDENTIFYING = ("field", "code", "decline_code")


def report(outcome: Outcome, received: Received, now_unix: float | None) -> dict[str, Any]:  # Any: JSON
    """What was wrong with a record. `at` is of Stripe's clock, as the journal's rows are; null if it is not known."""
    refusal = outcome.refusal
    return {
        "status": outcome.status.value,
        "reason": outcome.reason,
        "field": outcome.field or None,
        "code": (refusal.code or None) if refusal else None,
        "decline_code": (refusal.decline_code or None) if refusal else None,
        "http_status": (refusal.http_status or None) if refusal else None,
        "request_id": (refusal.request_id or None) if refusal else None,
        "line": received.line,
        "at": None if now_unix is None else datetime.fromtimestamp(now_unix, UTC).isoformat(timespec="seconds"),
        "source_name": received.origin.source_name or None,
    }


def status_of(report: Mapping[Any, Any]) -> object:  # Any: JSON
    """The status in a report; older releases called it `place`."""
    return report.get("status", report.get("place"))


def digest_of_line(line: bytes) -> bytes | None:
    """None if the line is not a report: a person may have added other lines."""
    try:
        return digest(msgspec.json.decode(line))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def digest(message: Any, *, has_source: bool = True) -> bytes | None:  # Any: JSON
    """Equal for reports of the same outcome of the same record of a source, at any time, line and request.

    The reason does not count: a release that words it anew must not report every record again. Older releases wrote no
    source_name; without `has_source` the digest is that of such a line.
    """
    match message:
        case {"type": "RECORD", "stream": stream, "record": record, "stripe_flow": {"reason": str(), **verdict}}:
            same = [stream, record, status_of(verdict), *(verdict.get(name) for name in _IDENTIFYING)]
            source = verdict.get("source_name") if has_source else None
            same += [source] if isinstance(source, str) else []
            return hashlib.blake2b(msgspec.json.encode(same, order="sorted"), digest_size=16).digest()
    return None
