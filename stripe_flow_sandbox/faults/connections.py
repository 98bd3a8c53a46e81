"""Faults that end or slow the connection."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from stripe_flow_sandbox.faults.stage import ANYWHERE, Effect, Stage
from stripe_flow_sandbox.service.exchange import ConnectionCut, Ending, Exchange, Point


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
