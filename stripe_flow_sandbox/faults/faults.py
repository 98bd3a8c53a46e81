"""The faults in force, and how often each has struck."""

from __future__ import annotations

import random
from collections.abc import Iterator

from stripe_flow_sandbox.faults.delays import Hold
from stripe_flow_sandbox.faults.script import Rule, Script
from stripe_flow_sandbox.faults.stage import Effect, Stage
from stripe_flow_sandbox.service.exchange import Exchange, Point


class _ActiveRule:
    """A rule in force, with the number of requests that it has matched and struck."""

    def __init__(self, rule: Rule, number: int, draw: random.Random) -> None:
        self.rule = rule
        self.name = rule.name or f"rule {number}"
        self.point = rule.point()
        self.stage = Stage(draw)
        self.seen = 0
        self.struck = 0

    def strikes(self, exchange: Exchange) -> bool:
        if not self.rule.match.holds(exchange.request):
            return False
        self.seen += 1
        is_over = self.rule.times is not None and self.struck >= self.rule.times
        if self.seen <= self.rule.skip or is_over or self.stage.draw.random() >= self.rule.probability:
            return False
        self.struck += 1
        return True


class Faults:
    """The script in force. Replacing it releases the requests that the old one holds."""

    def __init__(self, script: Script) -> None:
        """Raises ValueError if a rule's action does not support its `at`."""
        self._active: list[_ActiveRule] = []
        self.replace(script)

    def replace(self, script: Script) -> None:
        """Raises ValueError if a rule's action does not support its `at`; the old script then stays in force."""
        draw = random.Random(script.seed)  # noqa: S311 - repeatable on purpose
        active = [_ActiveRule(rule, number, draw) for number, rule in enumerate(script.rules, 1)]
        for old in self._active:
            old.stage.released.set()
        self._active = active

    def release(self, names: list[str]) -> None:
        """Release the requests that these rules hold or will hold. Raises KeyError for an unknown name."""
        unknown = set(names) - {active.name for active in self._active}
        if unknown:
            raise KeyError(f"no rule has the name {', '.join(sorted(unknown))}")
        for active in self._active:
            if active.name in names:
                active.stage.released.set()

    def due(self, point: Point, exchange: Exchange) -> Iterator[Effect]:
        """The effects of the rules that strike this exchange at this point, in the order of the script."""
        for active in self._active:
            if active.point == point and active.strikes(exchange):
                exchange.entry.faults.append(active.name)
                yield active.rule.action.effect(active.stage, point)

    def states(self) -> list[dict[str, object]]:
        """The state of each rule: the requests that it has matched, struck, and holds now."""
        return [
            {
                "name": active.name,
                "at": active.point,
                "is_hold": isinstance(active.rule.action, Hold),
                "seen": active.seen,
                "struck": active.struck,
                "waiting": active.stage.waiting,
            }
            for active in self._active
        ]
