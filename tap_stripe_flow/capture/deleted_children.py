"""Deletions of child objects: confirmed by the list of the parent, which is read to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from stripe_flow.api.errors import NotFound, StripeError, UnreadableAnswer
from tap_stripe_flow.capture.change_feed import ChildChange
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.listing.refusals import is_of_one_object


def deleted_children(
    listing: Listing, list_member: str, parents: Sequence[ListedRecord], child_changes: Mapping[str, ChildChange]
) -> Iterator[ListedRecord]:
    """A deletion of each child that events call deleted and none of `parents`, read after them, shows.

    `parents` are of `listing` and hold their children in `list_member`. Raises StripeError where the children of a
    parent that lost some cannot be read.
    """
    changed = [parent for parent in parents if parent.id in child_changes]
    losing = {parent.id: parent for parent in changed if child_changes[parent.id].deleted_children}
    shown = {child_id for parent in losing.values() for child_id in _child_ids(listing, parent, list_member)}
    if losing:
        for parent in changed:
            shown |= frozenset() if parent.id in losing else _child_ids_if_read(listing, parent, list_member)
    for parent_id in losing:
        change = child_changes[parent_id]
        for kind, child_id in sorted(change.deleted_children):
            if child_id not in shown:
                yield listing.deleted_record(child_id, kind, change.at, parent=parent_id)


def _child_ids(listing: Listing, parent: ListedRecord, list_member: str) -> frozenset[str]:
    """The ids of the child objects of a parent object, none if it was deleted.

    Raises StripeError; UnreadableAnswer for a parent without the list.
    """
    members = _MEMBERS.decode(parent.raw)
    if bytes(members.get("deleted", b"null")) == b"true":
        return frozenset()
    try:
        nested = bytes(members.get(list_member, b"null"))
        children = _CHILDREN.decode(listing.complete_list(nested, list_member))
    except NotFound:  # the parent was deleted since it was read
        return frozenset()
    except msgspec.ValidationError:
        raise UnreadableAnswer(
            f"{parent.id} does not show its list {list_member}, so it is not known which of its objects are deleted"
        ) from None
    return frozenset(child.id for child in children.data)


def _child_ids_if_read(listing: Listing, parent: ListedRecord, list_member: str) -> frozenset[str]:
    """The same of a parent that lost no child, and may have got one of another parent.

    Where its children cannot be read, their reader names it.
    """
    try:
        return _child_ids(listing, parent, list_member)
    except StripeError as error:
        if not is_of_one_object(error):
            raise
        return frozenset()


class _Child(msgspec.Struct):
    id: str


class _Children(msgspec.Struct):
    data: list[_Child]


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHILDREN = msgspec.json.Decoder(_Children)
