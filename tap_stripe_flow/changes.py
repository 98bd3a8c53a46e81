"""Which objects changed, as Stripe's events tell it: pure.

An event is a hint, not a record: its payload is as old as the event and in the API version of the account. So the
objects are read, and an event only says which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from tap_stripe_flow.found import Found
from tap_stripe_flow.heads import read_head


@dataclass(frozen=True, kw_only=True)
class Change:
    """The newest of what happened to an object: `at` is the event's second, `created` the object's own."""

    id: str
    created: int
    at: int
    is_deleted: bool


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Which events tell what: of objects of this `kind`, whose time is in the member `stamp`; `gone` are the types that
    tell of a deletion.
    """

    kind: str
    stamp: str = "created"
    gone: Collection[str] = ()

    def changes(self, events: Iterable[Found]) -> Mapping[str, Change]:
        """What `events` say, by id; an event of another kind of object says nothing."""
        found: dict[str, Change] = {}
        for event in events:
            told = _EVENT.decode(event.raw)
            if _KIND.decode(told.data.object).object == self.kind:
                changed = read_head(self.stamp, told.data.object)
                change = Change(
                    id=changed.id, created=changed.created, at=told.created, is_deleted=told.type in self.gone
                )
                found = merged(found, {change.id: change})
        return found


class _Kind(msgspec.Struct):
    object: str = ""


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    type: str
    created: int
    data: _Data


_EVENT = msgspec.json.Decoder(_Event)
_KIND = msgspec.json.Decoder(_Kind)


def merged(earlier: Mapping[str, Change], later: Mapping[str, Change]) -> dict[str, Change]:
    """Both, the newer of two that speak of the same object.

    Events have no order inside a second: a deletion beside something else must be looked at, so it counts as none.
    """
    result = dict(earlier)
    for object_id, change in later.items():
        known = result.get(object_id)
        if known is None or (change.at, known.is_deleted) > (known.at, change.is_deleted):
            result[object_id] = change
    return result


def is_worth_listing(newest: Change, next_one: Change, per_s: float | None, page: int) -> bool:
    """Whether a page of the list that begins at `newest` should hold the next one, too: then it saves a request.

    `per_s` is how many objects a second holds here; None: nobody knows yet, and a page tells.
    """
    return per_s is None or per_s * (newest.created - next_one.created + 1) < page
