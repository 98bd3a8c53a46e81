"""What all actions of faults share: their points, and the state that they keep between requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from stripe_flow_sandbox.service.exchange import Exchange, Point

Effect: TypeAlias = Callable[[Exchange], Awaitable[None]]

ANYWHERE: tuple[Point, ...] = ("before_execute", "before_read", "after_execute", "before_answer")


class Stage:
    """The state of one rule's action between requests."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.released = asyncio.Event()
        self.waiting = 0
        self.in_flight: Counter[str] = Counter()
        self.tokens: dict[str, tuple[float, float]] = {}
