"""Stripe's events as changes, child changes and deletions of objects. Pure.

An event only names the object to read again. Its payload is not used as a record: it is as old as the event, and in the
account's API version. So members may be missing in it or have another shape: an id is all that it must have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeAlias

import msgspec

from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.drain import CLOCKS_S


@dataclass(frozen=True, kw_only=True)
class Change:
    """The newest change or deletion of an object.

    - `created` is when the object was created, None where the event does not show it; `at` is the time of the event.
      Both are Unix seconds.
    - `is_deleted`: the event says so. Another object may have the id since.
    """

    id: str
    created: int | None
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
    """The changes and child changes of a list of events, by the id of the object or parent.

    `unnamed` are the ids of events of such objects that do not say which object.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)
    child_changes: Mapping[str, ChildChange] = field(default_factory=dict)
    unnamed: Sequence[str] = ()

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
        return ChangeSet(
            changes=merge_changes(self.changes, later.changes),
            child_changes=child_changes,
            unnamed=(*self.unnamed, *later.unnamed),
        )


@dataclass(frozen=True, kw_only=True)
class EventReader:
    """Finds the changes of one kind of objects in events.

    - `kind` is the objects' member `object`; `stamp` is their member with the creation time.
    - `deleted_by` are the event types that mean a deletion, of an object or of a child.
    - `child_kinds` are the kinds of child objects, whose member `parent_reference` holds the parent's id.
    - `child_types` are the event types of child objects.
    """

    kind: str
    stamp: str = "created"
    deleted_by: Collection[str] = ()
    child_kinds: Sequence[str] = ()
    child_types: Collection[str] = ()
    parent_reference: str = ""

    def change_set(self, events: Iterable[ListedRecord]) -> ChangeSet:
        """The changes that `events` name; events of other kinds of objects are ignored."""
        changes: dict[str, Change] = {}
        child_changes: dict[str, ChildChange] = {}
        unnamed: list[str] = []
        for record in events:
            try:
                event = _EVENT.decode(record.raw)
                members = _MEMBERS.decode(event.data.object)
                kind = self._kind(event, members)
                if kind == self.kind:
                    change = self._change(event, members, record.created)
                    changes = merge_changes(changes, {change.id: change})
                elif kind in self.child_kinds:
                    child_changes = _merge_children(
                        child_changes, self._child_change(kind, event, members, record.created)
                    )
            except (msgspec.ValidationError, KeyError):
                unnamed.append(record.id)
        return ChangeSet(changes=changes, child_changes=child_changes, unnamed=unnamed)

    def _kind(self, event: _Event, members: _Members) -> str:
        """The object's kind; by the event's type where the object does not say it."""
        kind = _OPTIONAL_TEXT.decode(members.get("object", b"null"))
        return kind or (self.child_kinds[0] if event.type in self.child_types else self.kind)

    def _change(self, event: _Event, members: _Members, at: int) -> Change:
        created = _unix(members.get(self.stamp), latest=at + CLOCKS_S)
        return Change(id=_TEXT.decode(members["id"]), created=created, at=at, is_deleted=event.type in self.deleted_by)

    def _child_change(self, kind: str, event: _Event, members: _Members, at: int) -> Mapping[str, ChildChange]:
        """The child change by its parent's id; empty if the child has no parent, or no longer."""
        parent_id = _OPTIONAL_TEXT.decode(members.get(self.parent_reference, b"null"))
        if parent_id is None:
            return {}
        is_deleted = event.type in self.deleted_by
        deleted = frozenset({(kind, _TEXT.decode(members["id"]))} if is_deleted else ())
        return {parent_id: ChildChange(id=parent_id, at=at, deleted_children=deleted)}


_Members: TypeAlias = dict[str, msgspec.Raw]
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    data: _Data
    type: str = ""


_EVENT = msgspec.json.Decoder(_Event)
_MEMBERS = msgspec.json.Decoder(_Members)
_TEXT: msgspec.json.Decoder[str] = msgspec.json.Decoder(_Text)
_OPTIONAL_TEXT: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(_Text | None)
_UNIX = msgspec.json.Decoder(int)


def _unix(raw: msgspec.Raw | None, *, latest: int) -> int | None:
    """Unix seconds up to `latest`; None for anything else."""
    try:
        unix = latest + 1 if raw is None else _UNIX.decode(raw)
    except msgspec.ValidationError:
        return None
    return unix if 0 <= unix <= latest else None


def merge_changes(earlier: Mapping[str, Change], later: Mapping[str, Change]) -> dict[str, Change]:
    """The changes of both; of two changes of one object, the newer.

    Events have no order within a second. Of a change and a deletion in the same second the change is kept: it makes the
    tap read the object, which shows whether it exists.
    """
    result = dict(earlier)
    for object_id, change in later.items():
        known = result.get(object_id)
        if known is None or _rank(change) > _rank(known):
            result[object_id] = change
    return result


def _rank(change: Change) -> tuple[int, bool, int]:
    return change.at, not change.is_deleted, -1 if change.created is None else change.created


def _merge_children(earlier: Mapping[str, ChildChange], later: Mapping[str, ChildChange]) -> dict[str, ChildChange]:
    result = dict(earlier)
    for object_id, change in later.items():
        known = result.get(object_id, change)
        deleted = known.deleted_children | change.deleted_children
        result[object_id] = ChildChange(id=object_id, at=max(known.at, change.at), deleted_children=deleted)
    return result


def is_worth_listing(newest: int, next_one: int, per_s: float | None, page_limit: int) -> bool:
    """Whether a page of the list that begins at `newest` is likely to hold `next_one` too, which saves a request.

    Both are creation times in Unix seconds. `per_s` is how many objects a second holds there; None: not known yet, and
    a page shows it. `page_limit` is the number of objects on a page.
    """
    return per_s is None or per_s * (newest - next_one + 1) < page_limit
