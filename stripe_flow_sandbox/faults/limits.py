"""Actions of faults that refuse a request for now: limits of rate and concurrency, and locked objects."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import msgspec

from stripe_flow_sandbox.faults.actions import Effect, Stage, error_answer
from stripe_flow_sandbox.service.exchange import Exchange, Point
from stripe_flow_sandbox.state.idempotency import Answer as Answered


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lock"):
    """Answer 429 `lock_timeout`, without a reason header: another request holds the object, and nothing is executed."""

    points: ClassVar[tuple[Point, ...]] = ("before_execute", "before_read")

    def effect(self, _: Stage, __: Point) -> Effect:
        async def lock(exchange: Exchange) -> None:
            exchange.answer = error_answer(429, {"code": "lock_timeout"}, {})

        return lock


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rate_limit"):
    """Answer 429 to requests above `per_s` a second, for each account and endpoint, or each account as a whole."""

    points: ClassVar[tuple[Point, ...]] = ("before_read",)
    per_s: float
    scope: Literal["endpoint", "global"] = "endpoint"
    with_reason: bool = True

    def effect(self, stage: Stage, _: Point) -> Effect:
        async def limit(exchange: Exchange) -> None:
            subject, now_s = _subject(exchange, self.scope), time.monotonic()
            tokens, since_s = stage.tokens.get(subject, (self.per_s, now_s))
            tokens = min(self.per_s, tokens + (now_s - since_s) * self.per_s)
            if tokens < 1:
                exchange.answer = _too_many(f"{self.scope}-rate", with_reason=self.with_reason)
            stage.tokens[subject] = (tokens - (tokens >= 1), now_s)

        return limit


class ConcurrencyLimit(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="concurrency_limit"
):
    """Answer 429 while `most` other requests run, for each account and endpoint, or each account as a whole."""

    points: ClassVar[tuple[Point, ...]] = ("before_read",)
    most: int
    scope: Literal["endpoint", "global"] = "endpoint"
    with_reason: bool = True

    def effect(self, stage: Stage, _: Point) -> Effect:
        async def limit(exchange: Exchange) -> None:
            subject = _subject(exchange, self.scope)
            if stage.in_flight[subject] >= self.most:
                exchange.answer = _too_many(f"{self.scope}-concurrency", with_reason=self.with_reason)
                return
            stage.in_flight[subject] += 1
            exchange.when_done.append(lambda: stage.in_flight.subtract([subject]))

        return limit


def _too_many(reason: str, *, with_reason: bool) -> Answered:
    """Stripe's 429; https://docs.stripe.com/rate-limits."""
    return error_answer(429, {}, {"Stripe-Rate-Limited-Reason": reason} if with_reason else {})


def _subject(exchange: Exchange, scope: str) -> str:
    """The key of the requests that share one limit: those of an account, or of an account and endpoint."""
    account = exchange.request.headers.get("stripe-account", "")
    if scope == "global":
        return account
    parts = exchange.request.path.split("/")
    return " ".join((account, exchange.request.method, *parts[1:3], *parts[4:5]))
