"""What belongs to the objects of another stream: comes whenever they come, and is read to its end.

Where the object itself holds it, no further request is made: a list inside an object is whole already (see `nested`).
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
from tap_stripe_flow.windows.batch import Batch

# The parts of so many objects go out together; some objects have thousands.
TOGETHER = 100


@dataclass(frozen=True, kw_only=True)
class Children:
    """The parts of each object that comes: its list `member`, or where it has none its own `listing`."""

    member: str | None
    listing: Listing
    by: str | None
    prefetch: PrefetchPool

    def of(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The parts in the place of the objects; the state leaves with the last of them. Raises StripeError."""
        for batch in batches:
            waiting: Sequence[Record] = ()
            for parts in self._together(batch.records):
                if waiting and parts:
                    yield Batch(records=waiting)
                waiting = parts or waiting
            yield replace(batch, records=waiting)

    def _together(self, parents: Sequence[Record]) -> Iterator[list[ChildRecord]]:
        for begin in range(0, len(parents), TOGETHER):
            jobs = (functools.partial(self._children, parent) for parent in parents[begin : begin + TOGETHER])
            yield [part for parts in self.prefetch.in_order(jobs) for part in parts]

    def _children(self, parent: Record) -> list[ChildRecord]:
        members = _MEMBERS.decode(parent.raw)
        if bytes(members.get("deleted", _NULL)) == b"true":  # what is left of a part goes out as it is
            return [ChildRecord(parent.id, parent.read_at, bytes(parent.raw))] if PARENT_MEMBER in members else []
        raws = self._inside(members) if self.member else self._listed(parent.id)
        return [self._part(parent, raw) for raw in raws]

    def _inside(self, members: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
        """An object that Stripe shows without its list has none."""
        listed = members.get(self.member or "", _NULL)
        return [] if bytes(listed) == bytes(_NULL) else _LIST.decode(listed).data

    def _listed(self, parent_id: str) -> list[bytes]:
        """Of an object that was deleted meanwhile there is nothing."""
        path = self.listing.path.replace("{id}", quote(parent_id, safe=""))
        filters = {self.by: parent_id} if self.by else {}
        listing = replace(self.listing, path=path, filters=filters, account=None)
        try:
            return [bytes(each.raw) for page in listing.every_page() for each in page.found()]
        except NotFound:
            return []

    def _part(self, parent: Record, raw: bytes | msgspec.Raw) -> ChildRecord:
        whole = with_member(bytes(raw), PARENT_MEMBER, parent.id)
        if self.listing.account is not None:
            whole = with_member(whole, ACCOUNT_MEMBER, self.listing.account)
        return ChildRecord(read_key(None, raw).id, parent.read_at, whole)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(_List)
_NULL = msgspec.Raw(b"null")
