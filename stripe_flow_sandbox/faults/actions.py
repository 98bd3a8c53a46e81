"""What a fault can do to an exchange. Each kind is one class: its members are its words in a script."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from stripe_flow_sandbox.answers.codec import encode, indent
from stripe_flow_sandbox.service.exchange import ConnectionCut, Ending, Exchange, Point
from stripe_flow_sandbox.state.idempotency import Answer as Answered

Effect: TypeAlias = Callable[[Exchange], Awaitable[None]]

_ANYWHERE: tuple[Point, ...] = ("before_execute", "before_read", "after_execute", "before_answer")

_STORING_AT: dict[str | None, tuple[Point, ...]] = {
    None: _ANYWHERE,
    "fault": ("before_execute", "after_execute"),
    "nothing": ("before_execute", "after_execute"),
    "real": ("after_execute",),
}


class Stage:
    """What a rule's action may remember between requests."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.released = asyncio.Event()
        self.waiting = 0
        self.in_flight: Counter[str] = Counter()
        self.tokens: dict[str, tuple[float, float]] = {}


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="latency"):
    """Wait `ms`, give or take up to `jitter_ms`; other requests go on meanwhile."""

    points: ClassVar[tuple[Point, ...]] = _ANYWHERE
    ms: float
    jitter_ms: float = 0

    def effect(self, stage: Stage, _: Point) -> Effect:
        wait_s = max(0.0, self.ms + stage.draw.uniform(-self.jitter_ms, self.jitter_ms)) / 1000

        async def wait(_: Exchange) -> None:
            await asyncio.sleep(wait_s)

        return wait


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hold"):
    """Wait until somebody releases the rule by its name."""

    points: ClassVar[tuple[Point, ...]] = _ANYWHERE

    def effect(self, stage: Stage, _: Point) -> Effect:
        async def hold(_: Exchange) -> None:
            stage.waiting += 1
            try:
                await stage.released.wait()
            finally:
                stage.waiting -= 1

        return hold


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="answer"):
    """Answer this instead. At after_execute and before_answer the effect has happened all the same.

    `stored` says what the idempotency key replays: this answer ("fault"), the one that the request would have got
    ("real") or nothing at all, as if the key were new ("nothing"). Left open: what the request got, nothing if it was
    not executed.
    """

    status: int
    error: dict[str, Any] = {}  # Any: whatever JSON the script gives
    headers: dict[str, str] = {}
    stored: Literal["fault", "real", "nothing"] | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """A key can only be stored with while it is claimed, and the real answer only once there is one."""
        return _STORING_AT[self.stored]

    def effect(self, _: Stage, __: Point) -> Effect:
        async def answer(exchange: Exchange) -> None:
            fault = _refusal(self.status, self.error, self.headers)
            exchange.answer = fault
            if self.stored == "fault":
                exchange.stored = fault
            elif self.stored == "nothing":
                exchange.stored = None

        return answer


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cut"):
    """End the connection here, or at before_answer in the middle of the answer's head or body.

    `after_bytes` of that part are sent first; half of it if not given.
    """

    ending: Ending = "close"
    within: Literal["head", "body"] | None = None
    after_bytes: int | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        return ("before_answer",) if self.within else _ANYWHERE

    def effect(self, _: Stage, __: Point) -> Effect:
        async def cut(exchange: Exchange) -> None:
            if self.within is None:
                raise ConnectionCut(self.ending)
            exchange.sending.ending = self.ending
            kept = -1 if self.after_bytes is None else self.after_bytes
            if self.within == "head":
                exchange.sending.head_bytes = kept
            else:
                exchange.sending.body_bytes = kept

        return cut


class Trickle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="trickle"):
    """Send the answer in pieces of `bytes`, each `every_ms`."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    bytes: int = 1
    every_ms: float = 10

    def effect(self, _: Stage, __: Point) -> Effect:
        async def trickle(exchange: Exchange) -> None:
            exchange.sending.chunk_bytes, exchange.sending.pause_s = self.bytes, self.every_ms / 1000

        return trickle


class Truncate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="truncate"):
    """Answer only the first `bytes` of the body, with a Content-Length to match: whole HTTP, broken JSON."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    bytes: int

    def effect(self, _: Stage, __: Point) -> Effect:
        async def truncate(exchange: Exchange) -> None:
            if exchange.answer is not None:
                whole = exchange.answer
                exchange.answer = Answered(whole.status, whole.body[: self.bytes], whole.headers)

        return truncate


class LateVisibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="late_visibility"):
    """Lists show what this request makes only some seconds after its `created`, by the sandbox's clock."""

    points: ClassVar[tuple[Point, ...]] = ("before_execute",)
    up_to_s: int
    at_least_s: int = 0

    def effect(self, stage: Stage, _: Point) -> Effect:
        late_s = stage.draw.randint(self.at_least_s, max(self.at_least_s, self.up_to_s))

        async def hide(exchange: Exchange) -> None:
            exchange.visible_after_s = late_s

        return hide


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rate_limit"):
    """429 for what comes faster than `per_s`, by endpoint or all together, for each account."""

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
    """429 for what comes while `most` others are on their way, by endpoint or all together, for each account."""

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


Action: TypeAlias = Latency | Hold | Answer | Cut | Trickle | Truncate | LateVisibility | RateLimit | ConcurrencyLimit

# What an answer says if the script gives no `error`; https://docs.stripe.com/api/errors
_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 403: "invalid_request_error"}
_CODES = {409: "idempotency_key_in_use", 429: "rate_limit"}


def _refusal(status: int, error: dict[str, Any], headers: dict[str, str]) -> Answered:  # Any: see `Answer`
    usual: dict[str, Any] = {"type": _TYPES.get(status, "api_error"), "message": f"Fault by script: {status}."}
    if status in _CODES:
        usual |= {"code": _CODES[status], "type": "invalid_request_error"}
    return Answered(status, indent(encode({"error": {**usual, **error}})), dict(headers))


def _too_many(reason: str, *, with_reason: bool) -> Answered:
    """Stripe's answer to too much; https://docs.stripe.com/rate-limits."""
    return _refusal(429, {}, {"Stripe-Rate-Limited-Reason": reason} if with_reason else {})


def _subject(exchange: Exchange, scope: str) -> str:
    """What shares one limit: all of an account's requests, or those to one endpoint."""
    account = exchange.request.headers.get("stripe-account", "")
    if scope == "global":
        return account
    parts = exchange.request.path.split("/")
    return " ".join((account, exchange.request.method, *parts[1:3], *parts[4:5]))
