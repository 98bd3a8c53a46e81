"""Stripe's events as changes, child changes and deletions of objects. Pure.

An event only names the object to read again. Its payload is not used as a record: it is as old as the event, and in the
account's API version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tap_stripe_flow.listing.object_key import read_key
from tap_stripe_flow.listing.record import ListedRecord


@dataclass(frozen=True, kw_only=True)
class Change:
    """The newest change or deletion of an object.

    `created` is the object's creation time, `at` that of the event; both in Unix seconds.
    """

    id: str
    created: int
    at: int
    is_deleted: bool


@dataclass(frozen=True, kw_only=True)
class ChildChange:
    """Changes and deletions of the child objects of one parent, which itself may not have changed.

    - `id` is the parent's id, `at` the time of the newest event in Unix seconds.
    - `deleted_children` are the kind and id of each deleted child.
    """

    id: str
    at: int
    deleted_children: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """The changes and child changes of a list of events, by the id of the object or parent."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    child_changes: Mapping[str, ChildChange] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.changes) + len(self.child_changes)

    def object_changes(self) -> list[Change]:
        """Each object's newest change; `at` also covers a later change of its children."""
        result = []
        for object_id, change in self.changes.items():
            child_change = self.child_changes.get(object_id)
            result.append(change if child_change is None else replace(change, at=max(change.at, child_change.at)))
        return result

    def child_changes_only(self) -> list[ChildChange]:
        """The child changes of parents that did not change themselves."""
        return [change for object_id, change in self.child_changes.items() if object_id not in self.changes]

    def merge(self, later: ChangeSet) -> ChangeSet:
        """A new set with the changes of both."""
        child_changes = _merge_children(self.child_changes, later.child_changes)
        return ChangeSet(changes=merge_changes(self.changes, later.changes), child_changes=child_changes)


@dataclass(frozen=True, kw_only=True)
class EventReader:
    """Finds the changes of one kind of objects in events.

    - `kind` is the objects' member `object`; `stamp` is their member with the creation time.
    - `deleted_by` are the event types that mean a deletion, of an object or of a child.
    - `child_kinds` are the kinds of child objects, whose member `parent_reference` holds the parent's id.
    """

    kind: str
    stamp: str = "created"
    deleted_by: Collection[str] = ()
    child_kinds: Collection[str] = ()
    parent_reference: str = ""

    def change_set(self, events: Iterable[ListedRecord]) -> ChangeSet:
        """The changes that `events` name; events of other kinds of objects are ignored."""
        changes: dict[str, Change] = {}
        child_changes: dict[str, ChildChange] = {}
        for record in events:
            event = _EVENT.decode(record.raw)
            kind = _KIND.decode(event.data.object).object
            if kind == self.kind:
                change = self._change(event)
                changes = merge_changes(changes, {change.id: change})
            elif kind in self.child_kinds:
                child_changes = _merge_children(child_changes, self._child_change(kind, event))
        return ChangeSet(changes=changes, child_changes=child_changes)

    def _change(self, event: _Event) -> Change:
        key = read_key(self.stamp, event.data.object)
        return Change(id=key.id, created=key.created, at=event.created, is_deleted=event.type in self.deleted_by)

    def _child_change(self, kind: str, event: _Event) -> Mapping[str, ChildChange]:
        """The child change by its parent's id; empty if the child no longer has a parent."""
        child = _MEMBERS.decode(event.data.object)
        parent_id = child.get(self.parent_reference)
        if not isinstance(parent_id, str):
            return {}
        deleted = frozenset({(kind, str(child["id"]))} if event.type in self.deleted_by else ())
        return {parent_id: ChildChange(id=parent_id, at=event.created, deleted_children=deleted)}


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


def merge_changes(earlier: Mapping[str, Change], later: Mapping[str, Change]) -> dict[str, Change]:
    """The changes of both; of two changes of one object, the newer.

    Events have no order within a second. Of a change and a deletion in the same second the change is kept: it makes the
    tap read the object, which shows whether it exists.
    """
    result = dict(earlier)
    for object_id, change in later.items():
        known = result.get(object_id)
        if known is None or (change.at, known.is_deleted) > (known.at, change.is_deleted):
            result[object_id] = change
    return result


def _merge_children(earlier: Mapping[str, ChildChange], later: Mapping[str, ChildChange]) -> dict[str, ChildChange]:
    result = dict(earlier)
    for object_id, change in later.items():
        known = result.get(object_id, change)
        deleted = known.deleted_children | change.deleted_children
        result[object_id] = ChildChange(id=object_id, at=max(known.at, change.at), deleted_children=deleted)
    return result


def is_worth_listing(newest: Change, next_one: Change, per_s: float | None, page_limit: int) -> bool:
    """Whether a page of the list that begins at `newest` is likely to hold `next_one` too, which saves a request.

    `per_s` is how many objects a second holds there; None: not known yet, and a page shows it. `page_limit` is the
    number of objects on a page.
    """
    return per_s is None or per_s * (newest.created - next_one.created + 1) < page_limit
