"""The fault script, and its faults in force: which requests each applies to, at which point, and how often it struck.

A script is JSON, `{"seed": 1, "rules": [{"name": …, "match": {…}, "at": …, "action": {"kind": …}}]}`, with the members
of `Rule`, `Match` and the classes in `actions` and `limits`; an unknown member is refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs

import msgspec

from stripe_flow_sandbox.faults.actions import (
    Answer,
    Bandwidth,
    Cut,
    Effect,
    EmptyPage,
    Hold,
    Latency,
    LateVisibility,
    Stage,
    Trickle,
    Truncate,
)
from stripe_flow_sandbox.faults.limits import ConcurrencyLimit, Lock, RateLimit
from stripe_flow_sandbox.service.exchange import Exchange, Point, Request

Action: TypeAlias = (
    Latency
    | Hold
    | Answer
    | Cut
    | Trickle
    | Bandwidth
    | Truncate
    | EmptyPage
    | LateVisibility
    | Lock
    | RateLimit
    | ConcurrencyLimit
)


def concerns(action: Action, request: Request) -> bool:
    """Whether an action can change the answer to a request: an empty page needs a cursor."""
    if not isinstance(action, EmptyPage):
        return True
    cursors = parse_qs(request.query.decode("latin-1")).keys() & {"starting_after", "ending_before"}
    return request.method == "GET" and bool(cursors)


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Conditions on a request; None always holds. `path` may contain `*`; `body` is a part of the body."""

    method: str | None = None
    path: str | None = None
    account: str | None = None
    body: str | None = None
    idempotency_key: str | None = None

    def holds(self, request: Request) -> bool:
        """Whether the request meets all conditions."""
        headers = request.headers
        return (
            self.method in (None, request.method)
            and (self.path is None or fnmatchcase(request.path, self.path))
            and self.account in (None, headers.get("stripe-account"))
            and (self.body is None or self.body.encode() in request.body)
            and self.idempotency_key in (None, headers.get("idempotency-key"))
        )


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: skips the first `skip` matching requests, then strikes `times` times, each with `probability`."""

    action: Action
    name: str = ""
    match: Match = Match()
    at: Point | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0

    def point(self) -> Point:
        """The point at which the fault strikes. Raises ValueError if its action does not support `at`."""
        points = self.action.points
        if self.at is not None and self.at not in points:
            raise ValueError(f"rule {self.name!r} has at={self.at}, but its action supports only {', '.join(points)}")
        return self.at or points[0]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules in the order in which they are tried. The same seed and requests draw the same random numbers."""

    rules: list[Rule] = msgspec.field(default_factory=list)
    seed: int = 0


def read_script(path: Path | None) -> Script:
    """The script in a file, an empty one without a file. Raises ValueError if it is not valid."""
    return msgspec.json.decode(path.read_bytes(), type=Script) if path else Script()


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
        request = exchange.request
        if not self.rule.match.holds(request) or not concerns(self.rule.action, request):
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
