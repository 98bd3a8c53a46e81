"""The fault script: which requests a fault applies to, at which point, how often.

A script is JSON, `{"seed": 1, "rules": [{"name": …, "match": {…}, "at": …, "action": {"kind": …}}]}`, with the members
of `Rule`, `Match` and the classes in `actions`; an unknown member is refused.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from stripe_flow_sandbox.faults.actions import Action
from stripe_flow_sandbox.service.exchange import Point, Request


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
