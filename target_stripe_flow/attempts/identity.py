"""Which thing of the real world a record stands for, and the names that follow from it.

The identity does not depend on the API key (a rotated key is the same account) nor on the payload (a changed record
is the same thing, and must not become a second one).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from target_stripe_flow.results.outcome import Rejected
from target_stripe_flow.results.text import CARD_MASK, is_utf8

MARKER = "stripe_flow"  # the metadata key that every created object carries


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What all identities of a run share: the Stripe account, `test` or `live`, and the connection's source_name."""

    account: str
    mode: str
    source_name: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    scope: Scope
    action: str
    source_key: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """32 hex characters; no personal datum can be read from it."""
        parts = [self.scope.account, self.scope.mode, self.scope.source_name, self.action, *self.source_key]
        # A JSON list, so that ("a", "bc") and ("ab", "c") differ.
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def joined(source_key: tuple[str, ...]) -> str:
    """How another record names this key in one field: several values are joined by commas."""
    return ",".join(source_key)


def source_key(record: Mapping[str, object], key_properties: Sequence[str]) -> tuple[str, ...]:
    """The values of the key in order, as canonical text: 7 and "7" are the same. Raises Rejected."""
    return tuple(_canonical(record.get(name), name) for name in key_properties)


def _canonical(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        kind = "missing" if value is None else "empty" if value == "" else f"a {type(value).__name__}"
        raise Rejected(f"the key {name} must be a whole number or a text that is not empty, and it is {kind}", name)
    if not is_utf8(str(value)):
        raise Rejected(f"the key {name} holds half of a character pair, which is no text", name)
    if value == CARD_MASK:
        raise Rejected(f"the key {name} was masked in a rejects file, since it looks like a card number", name)
    return str(value)
