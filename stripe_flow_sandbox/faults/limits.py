"""Actions of faults that refuse a request for now: limits of rate and concurrency, and locked objects."""

from __future__ import annotations

import time
from typing import ClassVar

import msgspec

from stripe_flow_sandbox.faults.actions import Effect, Stage, error_answer
from stripe_flow_sandbox.service.exchange import Exchange, Point
from stripe_flow_sandbox.service.limits import Scope, too_many
from stripe_flow_sandbox.state.idempotency import Answer as Answered


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lock"):
    """Answer 429 `lock_timeout`, without a reason header: another request holds the object, and nothing is executed."""

    points: ClassVar[tuple[Point, ...]] = ("before_execute", "before_read")

    def effect(self, _: Stage, __: Point) -> Effect:
        async def lock(exchange: Exchange) -> None:
            exchange.answer = error_answer(429, {"code": "lock_timeout"}, {})

        return lock


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rate_limit"):
    """Answer 429 to requests above `per_s` a second, for each account and operation, or each account as a whole."""

    points: ClassVar[tuple[Point, ...]] = ("before_read",)
    per_s: float
    scope: Scope = "endpoint"
    with_reason: bool = True

    def effect(self, stage: Stage, _: Point) -> Effect:
        async def limit(exchange: Exchange) -> None:
            bucket = {self.scope: (_subject(exchange, self.scope), self.per_s)}
            if stage.buckets.take(bucket, time.monotonic()):
                exchange.answer = _too_many(f"{self.scope}-rate", with_reason=self.with_reason)

        return limit


class ConcurrencyLimit(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="concurrency_limit"
):
    """Answer 429 while `most` other requests run, for each account and operation, or each account as a whole."""

    points: ClassVar[tuple[Point, ...]] = ("before_read",)
    most: int
    scope: Scope = "endpoint"
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
    refusal = too_many(reason if with_reason else None)
    return error_answer(refusal.status, refusal.error, dict(refusal.headers))


def _subject(exchange: Exchange, scope: Scope) -> str:
    """The name of the requests that share one limit: those of an account, or of an account and operation."""
    return exchange.account if scope == "global" else f"{exchange.account} {exchange.operation}"
