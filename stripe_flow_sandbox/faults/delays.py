"""Faults that delay a request, or the moment when lists show its object."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import msgspec

from stripe_flow_sandbox.faults.stage import ANYWHERE, Effect, Stage
from stripe_flow_sandbox.service.exchange import Exchange, Point


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
