"""Idempotency keys as Stripe keeps them; https://docs.stripe.com/api/idempotent_requests.

A key is claimed when execution begins and settled with the first answer, whatever that is. A request refused before
execution claims nothing. Keys are forgotten 24 hours after their first use, by the sandbox's clock.
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
    """What goes back: a status, a body as it is on the wire, and headers beside the usual ones."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Claim:
    """One use of a key. Without an answer the first request still runs."""

    key: str
    endpoint: str
    params: Params
    since: int
    answer: Answer | None = None


class KeyStore:
    """The keys of one account in one mode."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}

    def find(self, key: str, endpoint: str, params: Params, now: int) -> Answer | None:
        """The stored answer to replay, None if the key is free.

        Raises Refusal: 400 for a key that is too long or was used for something else, 409 while the first use runs.
        """
        if len(key) > MAX_CHARS:
            raise invalid(f"Idempotency keys can have up to {MAX_CHARS} characters.")
        claim = self._claims.get(key)
        if claim is None or _is_forgotten(claim, now):
            return None
        if (claim.endpoint, claim.params) != (endpoint, params):
            raise mismatched_key(key, claim.endpoint, endpoint)
        if claim.answer is None:
            raise refuse("idempotency_key_in_use")
        return claim.answer

    def claim(self, key: str, endpoint: str, params: Params, now: int) -> Claim:
        self._forget(now)
        self._claims.pop(key, None)
        self._claims[key] = claim = Claim(key, endpoint, params, now)
        return claim

    def release(self, claim: Claim) -> None:
        """Forget a claim as if the request had never been."""
        if self._claims.get(claim.key) is claim:
            del self._claims[claim.key]

    def _forget(self, now: int) -> None:
        """Drop forgotten claims from the old end, so that memory follows the last 24 hours."""
        while self._claims and _is_forgotten(oldest := next(iter(self._claims.values())), now):
            self.release(oldest)


def _is_forgotten(claim: Claim, now: int) -> bool:
    return claim.answer is not None and now - claim.since >= LIFETIME_S
