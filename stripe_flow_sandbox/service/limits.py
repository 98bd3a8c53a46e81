"""Stripe's limits of requests per second: of each operation and in all, for each account in each mode.

https://docs.stripe.com/rate-limits. A limit counts seconds as Stripe does: a second's worth may come at once. What it
did not use before is kept for no longer than a second, so that a client at the rate is not refused for a late packet;
yet no second has more than a fifth above the rate.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal, NamedTuple, TypeAlias

from stripe_flow_sandbox.answers.errors import Refusal, refuse

Scope: TypeAlias = Literal["endpoint", "global"]

_TOLERANCE = 1.2
# Counts with fractions miss a whole one by less than this.
_ROUNDING = 1e-9


@dataclass(slots=True)
class _Bucket:
    """What is left of one rate, as of `at_s`, and the requests of the last second."""

    tokens: float
    at_s: float
    passed: deque[float] = field(default_factory=deque)

    def has_token(self, per_s: float, now_s: float) -> bool:
        self.tokens = min(max(1.0, per_s), self.tokens + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        while self.passed and self.passed[0] <= now_s - 1:
            self.passed.popleft()
        return self.tokens >= 1 - _ROUNDING and len(self.passed) < ceil(per_s * _TOLERANCE)

    def take(self, now_s: float) -> None:
        self.tokens -= 1
        self.passed.append(now_s)


class Buckets:
    """Token buckets by name, full at first."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def take(self, rates: Mapping[Scope, tuple[str, float]], now_s: float) -> Scope | None:
        """Take a token from the bucket of each scope, given its name and rate per second; none if one is empty.

        Returns the first scope whose bucket is empty. `now_s`: monotonic seconds.
        """
        found = []
        for scope, (name, per_s) in rates.items():
            bucket = self._buckets.get(name) or self._buckets.setdefault(name, _Bucket(max(1.0, per_s), now_s))
            if not bucket.has_token(per_s, now_s):
                return scope
            found.append(bucket)
        for bucket in found:
            bucket.take(now_s)
        return None


class Rates(NamedTuple):
    """Requests per second and account."""

    per_operation: float
    total: float


# Stripe's defaults of a sandbox and of live mode.
_STRIPES = {False: Rates(25, 25), True: Rates(25, 100)}


def read_rates(text: str, *, livemode: bool) -> Rates:
    """The rates that `25,100` names; Stripe's for an empty text. Raises ValueError."""
    if not text:
        return _STRIPES[livemode]
    try:
        rates = Rates(*map(float, text.split(",")))
    except (TypeError, ValueError):
        rates = Rates(0, 0)
    if not all(0 < each < float("inf") for each in rates):
        raise ValueError(f"--limits takes two numbers above 0, per operation and in all, such as 25,100: not {text!r}")
    return rates


class Limits:
    """The limits in force, and how many requests they let pass and refused."""

    def __init__(self, rates: Rates | None) -> None:
        """Without rates all requests pass."""
        self._rates = rates
        self._buckets = Buckets()
        self._passed = 0
        self._refused: Counter[str] = Counter()

    def check(self, account: str, operation: str, now_s: float) -> None:
        """Count a request of an account and operation. Raises Refusal (429) for one too many."""
        if self._rates is not None:
            per_operation, total = self._rates
            exceeded = self._buckets.take(
                {"endpoint": (f"{account} {operation}", per_operation), "global": (account, total)}, now_s
            )
            if exceeded:
                self._refused[f"{exceeded}-rate"] += 1
                raise too_many(f"{exceeded}-rate")
        self._passed += 1

    def state(self) -> dict[str, object]:
        """The rates, and the counts since the start."""
        rates = self._rates._asdict() if self._rates else None
        return {"per_s": rates, "passed": self._passed, "refused": dict(self._refused)}


def too_many(reason: str | None) -> Refusal:
    """Stripe's 429, without a reason header for None."""
    refusal = refuse("rate_limit")
    named = {"Stripe-Rate-Limited-Reason": reason} if reason else {}
    return Refusal(refusal.status, refusal.error, {**named, "Stripe-Should-Retry": "true"})
