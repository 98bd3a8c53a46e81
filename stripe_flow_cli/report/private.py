"""What may be shown of texts that the journal and the rejects file keep: a report is passed on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from target_stripe_flow.results.rejects import masked
from target_stripe_flow.results.text import shown_name

ADDRESS_MASK = "[address]"
KEY_MASK = "[key]"
_ADDRESS = re.compile(r"[^\s@<>(),;:'\"]+@[^\s@<>(),;:'\"]+")
_BRACKETS = re.compile(r"[\[\].]+")
_PATH = re.compile(r"\w+(?:\.\w+)*", re.ASCII)
# Here a record makes up names of its own.
_FREE = "metadata"
# What is longer tells no more.
LONGEST_TEXT = 400


def shown_text(text: object, keys: Iterable[str] = ()) -> str:
    """Words of ours or of Stripe's, with keys, card numbers, e-mail addresses and these source keys hidden."""
    said = str(text)
    for key in sorted((key for key in keys if key and key in said), key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", KEY_MASK, said)
    return _hidden(said)


@lru_cache(maxsize=1024)  # of a million rejects there are few kinds
def _hidden(text: str) -> str:
    said = _ADDRESS.sub(ADDRESS_MASK, str(masked(text)))
    return said if len(said) <= LONGEST_TEXT else f"{said[:LONGEST_TEXT]}…"


@lru_cache(maxsize=1024)  # as above
def shown_field(field: str) -> str:
    """The path of a parameter; three dots for what is none, and for names of metadata: both may be a person's."""
    path = _BRACKETS.sub(".", field).strip(".")
    if path.startswith(f"{_FREE}."):
        return f"{_FREE}.…"
    return shown_name(path) if _PATH.fullmatch(path) else "…" if path else ""
