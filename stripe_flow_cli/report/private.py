"""Mask personal data and secrets in texts of the journal and the rejects file, as people pass reports on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from target_stripe_flow.results.masking import masked
from target_stripe_flow.results.text import shown_name

ADDRESS_MASK = "[address]"
KEY_MASK = "[key]"
_ADDRESS = re.compile(r"[^\s@<>(),;:'\"]+@[^\s@<>(),;:'\"]+")
_BRACKETS = re.compile(r"[\[\].]+")
_PATH = re.compile(r"\w+(?:\.\w+)*", re.ASCII)
# The names inside this parameter come from the record.
_FREE = "metadata"
LONGEST_TEXT = 400


def mask_text(text: object, keys: Iterable[str] = ()) -> str:
    """A message of ours or of Stripe's, without API keys, card numbers, e-mail addresses and these source keys.

    At most `LONGEST_TEXT` characters.
    """
    shown = str(text)
    for key in sorted((key for key in keys if key and key in shown), key=len, reverse=True):
        shown = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", KEY_MASK, shown)
    return _masked(shown)


@lru_cache(maxsize=1024)  # a million rejects have few different messages
def _masked(text: str) -> str:
    shown = _ADDRESS.sub(ADDRESS_MASK, str(masked(text)))
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


@lru_cache(maxsize=1024)  # a million rejects have few different fields
def mask_field(field: str) -> str:
    """The path of a parameter; `…` for a text that is no path and for names in metadata: both may be personal data."""
    path = _BRACKETS.sub(".", field).strip(".")
    if path.startswith(f"{_FREE}."):
        return f"{_FREE}.…"
    return shown_name(path) if _PATH.fullmatch(path) else "…" if path else ""
