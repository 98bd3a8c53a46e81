"""Deletions of child objects: confirmed by the list of the parent, which is read to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from stripe_flow.api.errors import NotFound, StripeError, UnreadableAnswer
from tap_stripe_flow.capture.change_feed import ChildChange
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, ListedRecord
from tap_stripe_flow.listing.refusals import is_of_one_object


def with_deleted_children(
    listing: Listing,
    list_member: str,
    records: Sequence[ListedRecord],
    child_changes: Mapping[str, ChildChange],
    prefetch: PrefetchPool,
) -> list[ListedRecord]:
    """`records`, and a deletion of each child that events call deleted and none of them, read after it, shows.

    `records` are of `listing` and hold their children in `list_member`; those whose list was read to its end come with
    it, so that nobody reads it again. Raises StripeError where the children of a parent that lost some cannot be read.
    """
    losing = {each for each, change in child_changes.items() if change.deleted_children}
    if losing.isdisjoint(record.id for record in records):
        return list(records)
    parents = [record for record in records if record.id in child_changes]
    # A parent that lost no child may have got one of another parent. Where its children cannot be read, their reader
    # names it.
    jobs = (partial(_read, listing, each, list_member, must_be_read=each.id in losing) for each in parents)
    read = {each.record.id: each for each in prefetch.in_order(jobs)}
    shown = {child_id for each in read.values() for child_id in each.child_ids}
    deleted = [
        listing.deleted_record(child_id, kind, child_changes[parent.id].at, parent=parent.id)
        for parent in parents
        for kind, child_id in sorted(child_changes[parent.id].deleted_children)
        if child_id not in shown
    ]
    return [read[each.id].record if each.id in read else each for each in records] + deleted


@dataclass(frozen=True, slots=True)
class _Parent:
    """A parent with the whole list of its children, and the ids of these."""

    record: ListedRecord
    child_ids: frozenset[str] = frozenset()


def _read(listing: Listing, parent: ListedRecord, list_member: str, *, must_be_read: bool) -> _Parent:
    """The parent as it is, without ids, if it was deleted, or if its children cannot be read and need not be.

    Raises StripeError; UnreadableAnswer for a parent without the list.
    """
    members = _MEMBERS.decode(parent.raw)
    if bytes(members.get("deleted", b"null")) == b"true":
        return _Parent(parent)
    nested = bytes(members.get(list_member, b"null"))
    try:
        whole = listing.complete_list(nested, list_member)
        children = _CHILDREN.decode(whole)
    except NotFound:  # the parent was deleted since it was read
        return _Parent(parent)
    except StripeError as error:
        if must_be_read or not is_of_one_object(error):
            raise
        return _Parent(parent)
    except msgspec.ValidationError:
        if not must_be_read:
            return _Parent(parent)
        raise UnreadableAnswer(
            f"{parent.id} does not show its list {list_member}, so it is not known which of its objects are deleted"
        ) from None
    if whole is not nested:
        members.pop(ACCOUNT_MEMBER, None)  # not Stripe's, and added again
        parent = parent.with_raw(msgspec.json.encode({**members, list_member: msgspec.Raw(whole)}))
    return _Parent(parent, frozenset(child.id for child in children.data))


class _Child(msgspec.Struct):
    id: str


class _Children(msgspec.Struct):
    data: list[_Child]


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHILDREN = msgspec.json.Decoder(_Children)
