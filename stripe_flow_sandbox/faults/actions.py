"""Actions of faults. Each is one class, and its members are the words of a script."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from stripe_flow_sandbox.answers.codec import encode, indent
from stripe_flow_sandbox.service.exchange import ConnectionCut, Ending, Exchange, Point
from stripe_flow_sandbox.service.limits import Buckets
from stripe_flow_sandbox.service.link import Link
from stripe_flow_sandbox.state.idempotency import Answer as Answered

Effect: TypeAlias = Callable[[Exchange], Awaitable[None]]

ANYWHERE: tuple[Point, ...] = ("before_execute", "before_read", "after_execute", "before_answer")


class Stage:
    """The state of one rule's action between requests."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.released = asyncio.Event()
        self.waiting = 0
        self.in_flight: Counter[str] = Counter()
        self.buckets = Buckets()
        self.link: Link | None = None


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="latency"):
    """Wait `ms` milliseconds, plus or minus up to `jitter_ms`; other requests continue meanwhile."""

    points: ClassVar[tuple[Point, ...]] = ANYWHERE
    ms: float
    jitter_ms: float = 0

    def effect(self, stage: Stage, _: Point) -> Effect:
        wait_s = max(0.0, self.ms + stage.draw.uniform(-self.jitter_ms, self.jitter_ms)) / 1000

        async def wait(_: Exchange) -> None:
            await asyncio.sleep(wait_s)

        return wait


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hold"):
    """Wait until the control `release` names the rule."""

    points: ClassVar[tuple[Point, ...]] = ANYWHERE

    def effect(self, stage: Stage, _: Point) -> Effect:
        async def hold(_: Exchange) -> None:
            stage.waiting += 1
            try:
                await stage.released.wait()
            finally:
                stage.waiting -= 1

        return hold


class LateVisibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="late_visibility"):
    """Lists show the object of this request `at_least_s` to `up_to_s` seconds after its `created` (sandbox's clock)."""

    points: ClassVar[tuple[Point, ...]] = ("before_execute",)
    up_to_s: int
    at_least_s: int = 0

    def effect(self, stage: Stage, _: Point) -> Effect:
        late_s = stage.draw.randint(self.at_least_s, max(self.at_least_s, self.up_to_s))

        async def hide(exchange: Exchange) -> None:
            exchange.visible_after_s = late_s

        return hide


_STORING_AT: dict[str | None, tuple[Point, ...]] = {
    None: ANYWHERE,
    "fault": ("before_execute", "after_execute"),
    "nothing": ("before_execute", "after_execute"),
    "real": ("after_execute",),
}


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="answer"):
    """Answer this instead. At after_execute and before_answer the request has been executed all the same.

    `stored`: the answer that the idempotency key replays: this one ("fault"), the request's own ("real") or none, which
    frees the key ("nothing"). Default: the request's own, none if it was not executed.
    """

    status: int
    error: dict[str, Any] = {}  # Any: JSON from the script
    headers: dict[str, str] = {}
    stored: Literal["fault", "real", "nothing"] | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """A key stores an answer only while it is claimed, and the real answer exists only after execution."""
        return _STORING_AT[self.stored]

    def effect(self, _: Stage, __: Point) -> Effect:
        async def answer(exchange: Exchange) -> None:
            fault = error_answer(self.status, self.error, self.headers)
            exchange.answer = fault
            if self.stored == "fault":
                exchange.stored = fault
            elif self.stored == "nothing":
                exchange.stored = None

        return answer


class Truncate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="truncate"):
    """Answer only the first `bytes` of the body as sent, with their number as Content-Length.

    That is valid HTTP, with broken JSON, or with gzip that ends early.
    """

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    bytes: int

    def effect(self, _: Stage, __: Point) -> Effect:
        async def truncate(exchange: Exchange) -> None:
            exchange.sending.truncated_to = self.bytes

        return truncate


class EmptyPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="empty_page"):
    """Answer a page without objects to a request with a cursor. Requests without a cursor do not count as matching."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    has_more: bool = False

    def effect(self, _: Stage, __: Point) -> Effect:
        async def empty(exchange: Exchange) -> None:
            whole = exchange.answer
            if whole is not None and whole.status == 200:
                page = {"object": "list", "url": exchange.request.path, "has_more": self.has_more, "data": []}
                exchange.answer = Answered(200, indent(encode(page)), whole.headers)

        return empty


# The error's type and code if the script names none; https://docs.stripe.com/api/errors
_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 403: "invalid_request_error"}

_CODES = {409: "idempotency_key_in_use", 429: "rate_limit"}


def error_answer(status: int, error: dict[str, Any], headers: dict[str, str]) -> Answered:  # Any: see `Answer`
    """An error in Stripe's shape; `error` overrides the members that are usual for `status`."""
    usual: dict[str, Any] = {
        "type": _TYPES.get(status, "api_error"),
        "message": f"Answer {status} of the fault script.",
    }
    if status in _CODES:
        usual |= {"code": _CODES[status], "type": "invalid_request_error"}
    return Answered(status, indent(encode({"error": {**usual, **error}})), dict(headers))


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cut"):
    """End the connection at this point; with `within`, while the head or body of the answer is sent.

    `after_bytes` of that part are sent first; half of it by default.
    """

    ending: Ending = "close"
    within: Literal["head", "body"] | None = None
    after_bytes: int | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        return ("before_answer",) if self.within else ANYWHERE

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
    """Send the answer in pieces of `bytes` bytes, one every `every_ms` milliseconds."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    bytes: int = 1
    every_ms: float = 10

    def effect(self, _: Stage, __: Point) -> Effect:
        async def trickle(exchange: Exchange) -> None:
            exchange.sending.chunk_bytes, exchange.sending.pause_s = self.bytes, self.every_ms / 1000

        return trickle


_BYTES_OF_MBIT = 1_000_000 / 8


class Bandwidth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="bandwidth"):
    """Send heads and bodies over one link of `mbit_per_s`, which the answers of all connections share."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    mbit_per_s: Annotated[float, msgspec.Meta(gt=0)]

    def effect(self, stage: Stage, _: Point) -> Effect:
        stage.link = stage.link or Link(self.mbit_per_s * _BYTES_OF_MBIT)

        async def limit(exchange: Exchange) -> None:
            exchange.sending.link = stage.link

        return limit
