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
    """Answer only the first `bytes` of the body, with their number as Content-Length: valid HTTP, broken JSON."""

    points: ClassVar[tuple[Point, ...]] = ("before_answer",)
    bytes: int

    def effect(self, _: Stage, __: Point) -> Effect:
        async def truncate(exchange: Exchange) -> None:
            if exchange.answer is not None:
                whole = exchange.answer
                exchange.answer = Answered(whole.status, whole.body[: self.bytes], whole.headers)

        return truncate


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
