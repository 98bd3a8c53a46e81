"""The tap's settings: those of the connection, and what to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import SETTINGS
from tap_stripe_flow.windows import OLDEST

CONFIG_JSONSCHEMA: dict[str, object] = {
    "type": "object",
    "properties": SETTINGS
    | {
        "start_date": {
            "type": "string",
            "title": "Start date",
            "description": "Read objects created from here on (ISO 8601, UTC unless it says otherwise). Default: all.",
        },
        "end_date": {
            "type": "string",
            "title": "End date",
            "description": (
                "Read objects created before this (ISO 8601), at least overlap_s ago. Default: up to the present."
            ),
        },
        "overlap_s": {
            "type": "integer",
            "minimum": 0,
            "default": 600,
            "title": "Overlap in seconds",
            "description": "How late an object may become visible after its created stamp and still be caught.",
        },
    },
    "required": ["api_key"],
}


def read_range(config: Mapping[str, object]) -> tuple[int, int | None]:
    """Start and end of what to read, in Unix seconds, half-open; raises Misconfigured."""
    start = _unix(config, "start_date")
    end = _unix(config, "end_date")
    if start is not None and end is not None and start >= end:
        raise Misconfigured("setting start_date must be before end_date: the range between them is empty")
    return (OLDEST if start is None else start), end


def _unix(config: Mapping[str, object], name: str) -> int | None:
    text = config.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise Misconfigured(
            f"setting {name} must be a date like 2026-01-31 or 2026-01-31T12:00:00Z, not {text!r}"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
