"""Which objects changed, as Stripe's events tell it: pure.

An event is a hint, not a record: its payload is as old as the event and in the API version of the account. So the
objects are read, and an event only says which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tap_stripe_flow.listing.object_key import read_key
from tap_stripe_flow.listing.record import ListedRecord


@dataclass(frozen=True, kw_only=True)
class Change:
    """The newest of what happened to an object: `at` is the event's second, `created` the object's own."""

    id: str
    created: int
    at: int
    is_deleted: bool


@dataclass(frozen=True, kw_only=True)
class ChildChange:
    """What happened to the parts of an object, which itself may be as it was: the newest at `at`; `lost` are the kinds
    and ids of those that were deleted.
    """

    id: str
    at: int
    lost: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """What events say, by the id of the object."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    child_changes: Mapping[str, ChildChange] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.changes) + len(self.child_changes)

    def of_objects(self) -> list[Change]:
        """Each object that events speak of, and until when they do so of it or of its parts."""
        found = []
        for object_id, change in self.changes.items():
            touch = self.child_changes.get(object_id)
            found.append(change if touch is None else replace(change, at=max(change.at, touch.at)))
        return found

    def of_parts_alone(self) -> list[ChildChange]:
        """The others."""
        return [touch for object_id, touch in self.child_changes.items() if object_id not in self.changes]

    def joined(self, later: ChangeSet) -> ChangeSet:
        """Both."""
        return ChangeSet(
            changes=merged(self.changes, later.changes), child_changes=_joined(self.child_changes, later.child_changes)
        )


@dataclass(frozen=True, kw_only=True)
class EventReader:
    """Which events tell what: of objects of this `kind`, whose time is in the member `stamp`, and of `parts`, kinds of
    objects whose member `named_by` names one of those; `deleted_by` are the types that tell of a deletion.
    """

    kind: str
    stamp: str = "created"
    deleted_by: Collection[str] = ()
    parts: Collection[str] = ()
    named_by: str = ""

    def change_set(self, events: Iterable[ListedRecord]) -> ChangeSet:
        """What `events` say; an event of another kind of object says nothing."""
        changes: dict[str, Change] = {}
        child_changes: dict[str, ChildChange] = {}
        for event in events:
            told = _EVENT.decode(event.raw)
            kind = _KIND.decode(told.data.object).object
            if kind == self.kind:
                change = self._change(told)
                changes = merged(changes, {change.id: change})
            elif kind in self.parts:
                child_changes = _joined(child_changes, self._touch(kind, told))
        return ChangeSet(changes=changes, child_changes=child_changes)

    def _change(self, told: _Event) -> Change:
        changed = read_key(self.stamp, told.data.object)
        return Change(id=changed.id, created=changed.created, at=told.created, is_deleted=told.type in self.deleted_by)

    def _touch(self, kind: str, told: _Event) -> Mapping[str, ChildChange]:
        """None where a part names no object: it is nobody's any more."""
        members = _MEMBERS.decode(told.data.object)
        owner = members.get(self.named_by)
        if not isinstance(owner, str):
            return {}
        lost = frozenset({(kind, str(members["id"]))} if told.type in self.deleted_by else ())
        return {owner: ChildChange(id=owner, at=told.created, lost=lost)}


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
_MEMBERS = msgspec.json.Decoder(dict[str, object])


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


def _joined(earlier: Mapping[str, ChildChange], later: Mapping[str, ChildChange]) -> dict[str, ChildChange]:
    result = dict(earlier)
    for object_id, touch in later.items():
        known = result.get(object_id, touch)
        result[object_id] = ChildChange(id=object_id, at=max(known.at, touch.at), lost=known.lost | touch.lost)
    return result


def is_worth_listing(newest: Change, next_one: Change, per_s: float | None, page: int) -> bool:
    """Whether a page of the list that begins at `newest` should hold the next one, too: then it saves a request.

    `per_s` is how many objects a second holds here; None: nobody knows yet, and a page tells.
    """
    return per_s is None or per_s * (newest.created - next_one.created + 1) < page
