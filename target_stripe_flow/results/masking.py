"""Masks card numbers and API keys in values that are written to files and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stripe_flow.api import redaction
from stripe_flow.api.card_numbers import CARD_MASK, holds_card_number
from target_stripe_flow.results.text import is_writable

# Deeper levels of a message are not written: each costs two frames, and Python's stack ends at a thousand.
MOST_LEVELS = 100


def masked(value: Any, levels: int = MOST_LEVELS) -> Any:  # Any: JSON, or what a stream map made of it
    """`value` with card numbers and API keys masked, and values that JSON cannot hold replaced by text."""
    if isinstance(value, Mapping | list | tuple) and not levels:
        return f"[more than {MOST_LEVELS} levels]"
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for name, inner in value.items():
            members[_unused(masked(str(name)), members)] = masked(inner, levels - 1)
        return members
    if isinstance(value, list | tuple):
        return [masked(inner, levels - 1) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _masked_number(value)
    return redaction.redact(str(value).encode(errors="replace").decode())


def _unused(name: str, members: Mapping[str, Any]) -> str:
    """`name`, with a number if masking made it equal to another name: no value is dropped."""
    number, first = 1, name
    while name in members:
        number += 1
        name = f"{first} ({number})"
    return name


def _masked_number(value: Any) -> Any:  # Any: int or float, which mypy does not tell apart
    if isinstance(value, float) and not math.isfinite(value):
        # As text: null would look like a field that was left out.
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, int) and not is_writable(value):
        return "[too large a number]"
    return CARD_MASK if holds_card_number(value) else value
