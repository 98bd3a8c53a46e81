"""The vocabulary of a fault script."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from stripe_flow_sandbox.faults.actions import Action
from stripe_flow_sandbox.service.exchange import Point, Request


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


def read_script(path: Path | None) -> Script:
    """The script of a file, or none. Raises ValueError for what is no script."""
    return msgspec.json.decode(path.read_bytes(), type=Script) if path else Script()
