"""One Stripe list, page by page: from the bytes of an answer to records that can be written.

A record is the bytes that Stripe sent, without white space between tokens. Only its id and `created` are parsed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import AccountTrouble, StripeError
from stripe_flow.api.lists import End, ListReading, Question, Shown
from stripe_flow.api.message import Answer
from stripe_flow.api.paging import PAGE_LIMIT, read_pages
from tap_stripe_flow.listing.answers import read_one, read_page, unreadable
from tap_stripe_flow.listing.nested import complete, complete_list, is_cut
from tap_stripe_flow.listing.nested_reads import NestedReads
from tap_stripe_flow.listing.object_key import ObjectKey, ObjectKeys
from tap_stripe_flow.listing.record import PARENT_MEMBER, ListedRecord, pack, unpack, with_member

T = TypeVar("T")

# What a page takes beyond its compressed texts: a time and an offset for each object, and Python's own objects.
_BYTES_PER_OBJECT, _BYTES_PER_PAGE = 12, 800


@dataclass(frozen=True, kw_only=True)
class Page:
    """The objects of one page that no earlier page of the list showed, newest first.

    - `ids` is a compressed JSON list, `times` the creation times, both of all objects of the page, in its order.
    - `packed` is the compressed text of the page; `starts` are the offsets of its records, and of one more after them.
    - `has_more` is whether more pages follow, or may follow.
    - `date_unix` is Stripe's time when the request was sent.
    - `account` is added to each record, if the run reads several accounts.
    - `new` are the positions of the objects that no earlier page showed; None: all.
    """

    ids: bytes
    times: Sequence[int]
    starts: Sequence[int]
    has_more: bool
    date_unix: int
    packed: bytes
    account: str | None = None
    new: Sequence[int] | None = None

    @property
    def created(self) -> Sequence[int]:
        """The creation times of the objects, in the order of `records`."""
        return self.times if self.new is None else [self.times[position] for position in self.new]

    @property
    def size_bytes(self) -> int:
        """About how much memory the page takes."""
        return len(self.packed) + len(self.ids) + _BYTES_PER_OBJECT * len(self.times) + _BYTES_PER_PAGE

    def records(self) -> list[ListedRecord]:
        """The records of the objects, newest first."""
        records = [
            ListedRecord(
                object_id, created, self.date_unix, packed=self.packed, start=start, end=after - 1, account=self.account
            )
            for object_id, created, (start, after) in zip(
                _IDS.decode(unpack(self.ids)), self.times, pairwise(self.starts), strict=True
            )
        ]
        return records if self.new is None else [records[position] for position in self.new]


class _Answered(NamedTuple):
    """A page as Stripe answered it, and what the rule of lists needs of it."""

    entries: Sequence[Shown]
    has_more: bool
    page: Page


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list of one account. Safe to share between threads.

    - `client` sends the requests, for the account that it is scoped to.
    - `filters` and `expand` are parameters of every request for a page; `expand` without the prefix `data.`.
    - `stamp` is the member that the list's filter `created` compares; None for a list without this filter.
    - `is_newest_first`: Stripe documents the order of the list.
    - `kept_days` is for how many days the list shows an object; None: always.
    - `account` is added to every record, if the run reads several accounts.
    - `is_snapshot`: lists inside the objects are not read to their end, since the objects describe the past, or since
      their reader does it where it needs one.
    - `left_out` collects the error for each object of which a list could not be read and was left out, by its id; None:
      the error is raised.
    - `nested` is how the lists inside the objects are read.
    """

    client: Client
    path: str
    filters: Mapping[str, object] = field(default_factory=dict)
    expand: Sequence[str] = ()
    stamp: str | None = "created"
    is_newest_first: bool = False
    kept_days: int | None = None
    account: str | None = None
    is_snapshot: bool = False
    left_out: MutableMapping[str, StripeError] | None = None
    nested: NestedReads = field(default_factory=NestedReads)

    def ask_for_one(self) -> int:
        """Request one object, to check that the key may read this list; returns Stripe's time. Raises StripeError."""
        answer = self.client.get(self.path, {"limit": 1, **self._parameters}, read=self._read_page)
        return _sent_unix(answer, self.path)

    def pages(self, start: int, end: int | None) -> Iterator[Page]:
        """The pages of [start, end) with their objects, newest first, each object once; `end` None: no upper bound.

        The first page may be without objects. Raises ListUnfinished after the pages that Stripe showed if these may not
        be all, or another StripeError.
        """
        until = None if end is None else end - 1
        return self._follow(ListReading(since=start, until=until, can_narrow=self.is_newest_first), start)

    def page(self, start: int, end: int | None) -> Page:
        """The newest page of [start, end) with objects; an empty page if there are none. Raises StripeError."""
        pages = self.pages(start, end)
        first = next(pages)
        return first if first.created or not first.has_more else next(pages, replace(first, has_more=False))

    def every_page(self) -> Iterator[Page]:
        """All pages of a list without a `created` filter, newest first, each object once; see `pages`."""
        return self._follow(ListReading(can_narrow=False), None)

    def _follow(self, reading: ListReading, start: int | None) -> Iterator[Page]:
        is_first = True
        for answered, new in read_pages(reading, partial(self._request, start), self.path):
            if new or is_first:
                is_first, all_new = False, len(new) == len(answered.entries)
                has_more = reading.next is not End.WHOLE
                yield replace(answered.page, has_more=has_more, new=None if all_new else new)

    def _request(self, start: int | None, asked: Question) -> _Answered:
        parameters = {
            "limit": PAGE_LIMIT,
            "created": {"gte": start, "lte": asked.until},
            "starting_after": asked.after,
        }
        answer = self.client.get(self.path, {**parameters, **self._parameters}, read=self._read_page)
        keys, text = answer.value
        times = array("q", (each.created for each in keys.data))
        if times and self.stamp is not None and not _is_within(times, start, asked.until):
            raise unreadable(
                self.path, f"it shows objects whose {self.stamp} is outside of the range that was asked for"
            )
        if not self.is_snapshot and is_cut(text, expected=keys.has_more):
            text = complete(text, self.client, self.path, self.expand, left_out=self.left_out, reads=self.nested)
        page = Page(
            ids=pack(msgspec.json.encode([each.id for each in keys.data])),
            times=times,
            starts=_record_starts(text),
            has_more=keys.has_more,
            date_unix=_sent_unix(answer, self.path),
            packed=pack(text),
            account=self.account,
        )
        return _Answered(keys.data, keys.has_more, page)

    @property
    def _parameters(self) -> Mapping[str, object]:
        return {**self.filters, "expand": [f"data.{name}" for name in self.expand]}

    def retrieve(self, object_id: str) -> ListedRecord:
        """The object with this id, as it is now; a deleted one may be `{id, object, deleted: true}`.

        Raises NotFound or another StripeError.
        """
        path = f"{self.path}/{quote(object_id, safe='')}"
        read = partial(read_one, path, self.stamp)
        answer = self.client.get(path, {"expand": list(self.expand)}, read=read)
        key, raw = answer.value
        if not self.is_snapshot and is_cut(raw):
            raw = complete(raw, self.client, path, self.expand, left_out=self.left_out, reads=self.nested)
        return ListedRecord.single(key, raw, _sent_unix(answer, path), self.account)

    def complete_list(self, raw: bytes, name: str) -> bytes:
        """The list `raw`, the member `name` of one of the objects, read to its end; see `nested.complete_list`."""
        return complete_list(raw, self.client, self.path, name, self.expand, reads=self.nested)

    def _read_page(self, body: bytes) -> tuple[ObjectKeys, bytes]:
        return read_page(self.path, self.stamp, body)

    def deleted_record(self, object_id: str, kind: str, read_at: int, *, parent: str | None = None) -> ListedRecord:
        """`{id, object, deleted: true}`, as Stripe shows a deleted object; `parent` is the id of a child's parent."""
        raw = msgspec.json.encode({"id": object_id, "object": kind, "deleted": True})
        raw = raw if parent is None else with_member(raw, PARENT_MEMBER, parent)
        return ListedRecord.single(ObjectKey(id=object_id), raw, read_at, self.account)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


_LIST = msgspec.json.Decoder(_List)
_IDS = msgspec.json.Decoder(list[str])


def _is_within(times: Sequence[int], start: int | None, until: int | None) -> bool:
    return (start is None or start <= min(times)) and (until is None or max(times) <= until)


def _record_starts(text: bytes) -> Sequence[int]:
    """The offsets of a compact page's records, and of one more after them. One comma separates two records."""
    records = _LIST.decode(text).data
    first = text.find(bytes(records[0])) if records else 0
    return array("I", accumulate((len(memoryview(each)) + 1 for each in records), initial=first))


def _sent_unix(answer: Answer[T], path: str) -> int:
    """Stripe's time when the request was sent, in whole seconds, rounded towards the past.

    An answer's `Date` is the time when it was sent, and an object that appeared in between may not be in the answer.
    """
    if answer.date_unix is None:
        raise AccountTrouble(f"GET {path}: the answer has no Date, so it is not Stripe's. Check the setting base_url")
    return answer.date_unix - math.ceil(answer.took_s)
