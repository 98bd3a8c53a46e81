"""What the controls read and write."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.faults.script import Script


@dataclass(frozen=True, slots=True)
class Controlled:
    """An answer of the controls."""

    status: int
    body: bytes
    cuts_connections: bool = False


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`{"set": n}` or `{"advance_s": n}`."""

    to: int | None = msgspec.field(default=None, name="set")
    advance_s: int | None = None


class FaultsOrder(Script, frozen=True, forbid_unknown_fields=True):
    """A new script, or `{"release": [name, …]}`."""

    release: list[str] | None = None


class ObjectsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What to do with objects of a type that Stripe's other parts would make: `count` new ones, each `every_s` older
    than the next; or to `change` or `delete` one. With `of` they are parts of that object.
    """

    type: str
    count: int = 0
    every_s: int = 0
    of: str | None = None
    change: str | None = None
    values: Object = msgspec.field(default_factory=dict)
    delete: str | None = None


def json_answer(status: int, content: object) -> Controlled:
    return Controlled(status, msgspec.json.encode(content) + b"\n")
