"""Faults by script: which requests are disturbed, at which point, how often.

A script is JSON, `{"seed": 1, "rules": [{"name": …, "match": {…}, "at": …, "action": {"kind": …}}]}`; the members of
`Rule`, `Match` and the actions of `actions` are its vocabulary, and an unknown one is refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from stripe_flow_sandbox.faults.delays import Hold
from stripe_flow_sandbox.faults.script import Rule, Script
from stripe_flow_sandbox.faults.stage import Effect, Stage
from stripe_flow_sandbox.service.exchange import Exchange, Point


class _Armed:
    """A rule at work: what it has seen and done so far."""

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
    """The script in force. A new one takes the place of the old one, whose held requests go on."""

    def __init__(self, script: Script) -> None:
        """Raises ValueError for a rule that cannot work."""
        self._armed: list[_Armed] = []
        self.replace(script)

    def replace(self, script: Script) -> None:
        """Raises ValueError for a rule that cannot work; the old script then stays."""
        draw = random.Random(script.seed)  # noqa: S311 - chances that can be repeated
        armed = [_Armed(rule, number, draw) for number, rule in enumerate(script.rules, 1)]
        for old in self._armed:
            old.stage.released.set()
        self._armed = armed

    def release(self, names: list[str]) -> None:
        """Let go what rules of these names hold, now and from now on. Raises KeyError for an unknown name."""
        unknown = set(names) - {armed.name for armed in self._armed}
        if unknown:
            raise KeyError(f"no rule is called {', '.join(sorted(unknown))}")
        for armed in self._armed:
            if armed.name in names:
                armed.stage.released.set()

    def due(self, point: Point, exchange: Exchange) -> Iterator[Effect]:
        """What strikes this exchange here, one after the other."""
        for armed in self._armed:
            if armed.point == point and armed.strikes(exchange):
                exchange.entry.faults.append(armed.name)
                yield armed.rule.action.effect(armed.stage, point)

    def shown(self) -> list[dict[str, object]]:
        """Each rule's name, how often it was looked at and struck, how many requests it holds right now."""
        return [
            {
                "name": armed.name,
                "at": armed.point,
                "is_hold": isinstance(armed.rule.action, Hold),
                "seen": armed.seen,
                "struck": armed.struck,
                "waiting": armed.stage.waiting,
            }
            for armed in self._armed
        ]
