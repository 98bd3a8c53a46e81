"""The JSON bodies that the controls take, and their answers."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.faults.script import Script


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """An answer of a control."""

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
    """Create, change or delete objects of a type that no API call creates, as other parts of Stripe would.

    `count` new objects, each `every_s` seconds older than the next; `change` or `delete` is the id of an object.
    `of` is the id of the parent of child objects.
    """

    type: str
    count: int = 0
    every_s: int = 0
    of: str | None = None
    change: str | None = None
    values: Object = msgspec.field(default_factory=dict)
    delete: str | None = None


def json_answer(status: int, content: object) -> ControlAnswer:
    """An answer with `content` as JSON."""
    return ControlAnswer(status, msgspec.json.encode(content) + b"\n")
