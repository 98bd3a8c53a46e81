"""The identity of a record, from which its digest, lane, marker and idempotency key follow.

It does not depend on the API key (a rotated key belongs to the same account) nor on the payload (a changed record has
the same identity and must not create a second object).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stripe_flow.api.card_numbers import CARD_MASK
from target_stripe_flow.results.outcome import Rejected
from target_stripe_flow.results.text import is_utf8, is_writable

# The metadata key of the marker, which every created object has.
MARKER = "stripe_flow"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The part of an identity that all records of a run share: Stripe account, `test` or `live`, source_name."""

    account: str
    mode: str
    source_name: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes a record the same in every run; one identity has at most one object in Stripe."""

    scope: Scope
    action: str
    source_key: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """32 hex characters of a hash, which shows no personal data."""
        parts = [self.scope.account, self.scope.mode, self.scope.source_name, self.action, *self.source_key]
        # A JSON list, so that ("a", "bc") and ("ab", "c") differ.
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def joined(source_key: tuple[str, ...]) -> str:
    """The key as one text, as other records refer to it: several values are joined by commas."""
    return ",".join(source_key)


def source_key(record: Mapping[str, object], key_properties: Sequence[str]) -> tuple[str, ...]:
    """The values of the key properties in order, as canonical text: 7 and "7" are equal.

    Raises Rejected for a value that is not a whole number or non-empty text.
    """
    return tuple(_canonical(record.get(name), name) for name in key_properties)


def _canonical(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        kind = "missing" if value is None else "empty" if value == "" else f"a {type(value).__name__}"
        raise Rejected(f"the key {name} must be a whole number or non-empty text, and it is {kind}", name)
    if isinstance(value, int) and not is_writable(value):
        raise Rejected(f"the key {name} is a number of thousands of digits", name)
    if not is_utf8(str(value)):
        raise Rejected(f"the key {name} contains half of a surrogate pair, which is not valid text", name)
    if value == CARD_MASK:
        raise Rejected(f"the key {name} was masked in a rejects file as a card number: restore its value", name)
    return str(value)
