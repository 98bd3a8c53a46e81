"""Idempotency keys as Stripe keeps them; https://docs.stripe.com/api/idempotent_requests.

A request claims its key when execution begins; the key then replays the first answer, errors included. A request that
is refused before execution claims no key. Keys expire 24 hours after their first use, by the sandbox's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from stripe_flow_sandbox.answers.errors import invalid, mismatched_key, refuse

LIFETIME_S = 24 * 60 * 60
MAX_CHARS = 255

Params: TypeAlias = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """An answer: its status, its body as sent, and headers in addition to the common ones."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Claim:
    """The first use of a key. `answer` is None while that request still runs."""

    key: str
    endpoint: str
    params: Params
    since: int
    answer: Answer | None = None


class KeyStore:
    """The idempotency keys of one account in one mode."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}

    def find(self, key: str, endpoint: str, params: Params, now: int) -> Answer | None:
        """The stored answer to replay, None if the key is free.

        Raises Refusal: 400 if the key is too long or was used with another path or parameters, 409 while its first
        request runs.
        """
        if len(key) > MAX_CHARS:
            raise invalid(f"Idempotency keys can have up to {MAX_CHARS} characters.")
        claim = self._claims.get(key)
        if claim is None or _is_expired(claim, now):
            return None
        if (claim.endpoint, claim.params) != (endpoint, params):
            raise mismatched_key(key, claim.endpoint, endpoint)
        if claim.answer is None:
            raise refuse("idempotency_key_in_use")
        return claim.answer

    def claim(self, key: str, endpoint: str, params: Params, now: int) -> Claim:
        """Claim a key for the request that is about to run; also drops expired claims."""
        self._drop_expired(now)
        self._claims.pop(key, None)
        self._claims[key] = claim = Claim(key, endpoint, params, now)
        return claim

    def release(self, claim: Claim) -> None:
        """Free the key again, as if the request had never been sent."""
        if self._claims.get(claim.key) is claim:
            del self._claims[claim.key]

    def _drop_expired(self, now: int) -> None:
        """Drop expired claims, oldest first, so that memory holds only the last 24 hours."""
        while self._claims and _is_expired(oldest := next(iter(self._claims.values())), now):
            self.release(oldest)


def _is_expired(claim: Claim, now: int) -> bool:
    return claim.answer is not None and now - claim.since >= LIFETIME_S
