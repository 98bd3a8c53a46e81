"""Faults by script: which requests are disturbed, at which point, how often.

A script is JSON, `{"seed": 1, "rules": [{"name": …, "match": {…}, "at": …, "action": {"kind": …}}]}`; the members of
`Rule`, `Match` and the actions of `actions` are its vocabulary, and an unknown one is refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from stripe_flow_sandbox.faults.actions import Action, Effect, Hold, Stage
from stripe_flow_sandbox.service.exchange import Exchange, Point, Request


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request must look like; what is not given matches all. `path` may hold `*`, `body` is a part of it."""

    method: str | None = None
    path: str | None = None
    account: str | None = None
    body: str | None = None
    idempotency_key: str | None = None

    def holds(self, request: Request) -> bool:
        headers = request.headers
        return (
            self.method in (None, request.method)
            and (self.path is None or fnmatchcase(request.path, self.path))
            and self.account in (None, headers.get("stripe-account"))
            and (self.body is None or self.body.encode() in request.body)
            and self.idempotency_key in (None, headers.get("idempotency-key"))
        )


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: it skips the first `skip` matching requests, then strikes `times` times, each with `probability`."""

    action: Action
    name: str = ""
    match: Match = Match()
    at: Point | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0

    def point(self) -> Point:
        """Where the fault strikes. Raises ValueError if its action cannot work there."""
        points = self.action.points
        if self.at is not None and self.at not in points:
            raise ValueError(f"rule {self.name!r}: this action works at {', '.join(points)}, not at {self.at}")
        return self.at or points[0]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules in the order in which they are tried; the same seed and requests draw the same chances."""

    rules: list[Rule] = msgspec.field(default_factory=list)
    seed: int = 0


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


def read_script(path: Path | None) -> Script:
    """The script of a file, or none. Raises ValueError for what is no script."""
    return msgspec.json.decode(path.read_bytes(), type=Script) if path else Script()
