"""Child streams: reads the child objects of each parent object, all of them, whenever the parent is read.

Children inside the parent object need no request: a list inside an object is complete already (see `listing.nested`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import msgspec

from stripe_flow.api.errors import NotFound
from tap_stripe_flow.listing.object_key import read_key
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, PARENT_MEMBER, ChildRecord, Record, with_member
from tap_stripe_flow.streams import ChildOf
from tap_stripe_flow.windows.batch import Batch

# How many parents' children make a batch: one parent can have thousands.
PARENTS_PER_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class ChildReader:
    """Reads the child objects of a child stream: from the parent's `list_member`, or without one from `listing`.

    `listing.path` may contain `{id}` for the parent's id.
    """

    child_of: ChildOf
    listing: Listing
    prefetch: PrefetchPool

    def batches(self, parents: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of `parents` with child records instead; a batch's state comes with the last of its children.

        Raises StripeError.
        """
        for batch in parents:
            waiting: Sequence[Record] = ()
            for children in self._read(batch.records):
                if waiting and children:
                    yield Batch(records=waiting)
                waiting = children or waiting
            yield replace(batch, records=waiting)

    def _read(self, parents: Sequence[Record]) -> Iterator[list[ChildRecord]]:
        for begin in range(0, len(parents), PARENTS_PER_BATCH):
            jobs = (functools.partial(self._children, each) for each in parents[begin : begin + PARENTS_PER_BATCH])
            yield [child for children in self.prefetch.in_order(jobs) for child in children]

    def _children(self, parent: Record) -> list[ChildRecord]:
        members = _MEMBERS.decode(parent.raw)
        if bytes(members.get("deleted", _NULL)) == b"true":
            # The deletion of a child has a parent and is written as it is; a deleted parent has no children.
            return [ChildRecord(parent.id, parent.read_at, bytes(parent.raw))] if PARENT_MEMBER in members else []
        raws = self._contained(members) if self.child_of.list_member else self._listed(parent.id)
        return [self._record(parent, raw) for raw in raws]

    def _contained(self, members: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
        """The children in the parent's list; empty if Stripe shows the parent without the list."""
        nested = members.get(self.child_of.list_member or "", _NULL)
        return [] if bytes(nested) == bytes(_NULL) else _LIST.decode(nested).data

    def _listed(self, parent_id: str) -> list[bytes]:
        """The children that Stripe lists for the parent; empty if the parent was deleted meanwhile."""
        path = self.listing.path.replace("{id}", quote(parent_id, safe=""))
        filters = {self.child_of.parent_filter: parent_id} if self.child_of.parent_filter else {}
        listing = replace(self.listing, path=path, filters=filters, account=None)
        try:
            return [bytes(each.raw) for page in listing.every_page() for each in page.records()]
        except NotFound:
            return []

    def _record(self, parent: Record, raw: bytes | msgspec.Raw) -> ChildRecord:
        record = with_member(bytes(raw), PARENT_MEMBER, parent.id)
        if self.listing.account is not None:
            record = with_member(record, ACCOUNT_MEMBER, self.listing.account)
        return ChildRecord(read_key(None, raw).id, parent.read_at, record)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(_List)
_NULL = msgspec.Raw(b"null")
