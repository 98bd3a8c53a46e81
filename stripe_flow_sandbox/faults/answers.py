"""Faults that replace or shorten the answer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from stripe_flow_sandbox.answers.codec import encode, indent
from stripe_flow_sandbox.faults.stage import ANYWHERE, Effect, Stage
from stripe_flow_sandbox.service.exchange import Exchange, Point
from stripe_flow_sandbox.state.idempotency import Answer as Answered

_STORING_AT: dict[str | None, tuple[Point, ...]] = {
    None: ANYWHERE,
    "fault": ("before_execute", "after_execute"),
    "nothing": ("before_execute", "after_execute"),
    "real": ("after_execute",),
}


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
            fault = error_answer(self.status, self.error, self.headers)
            exchange.answer = fault
            if self.stored == "fault":
                exchange.stored = fault
            elif self.stored == "nothing":
                exchange.stored = None

        return answer


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


# What an answer says if the script gives no `error`; https://docs.stripe.com/api/errors
_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 403: "invalid_request_error"}

_CODES = {409: "idempotency_key_in_use", 429: "rate_limit"}


def error_answer(status: int, error: dict[str, Any], headers: dict[str, str]) -> Answered:  # Any: see `Answer`
    usual: dict[str, Any] = {"type": _TYPES.get(status, "api_error"), "message": f"Fault by script: {status}."}
    if status in _CODES:
        usual |= {"code": _CODES[status], "type": "invalid_request_error"}
    return Answered(status, indent(encode({"error": {**usual, **error}})), dict(headers))
