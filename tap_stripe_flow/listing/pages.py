"""One Stripe list, page by page: from the bytes of an answer to records that can be written.

A record is the bytes that Stripe sent, without white space between tokens. Only its id and `created` are parsed.
"""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import TypeVar
from urllib.parse import quote

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import AccountTrouble, RequestRefused
from stripe_flow.api.message import Answer
from tap_stripe_flow.listing.nested import complete, is_cut
from tap_stripe_flow.listing.object_key import ObjectKey, ObjectKeys, keys_decoder, read_key
from tap_stripe_flow.listing.record import PARENT_MEMBER, ListedRecord, pack, unpack, with_member

T = TypeVar("T")

PAGE_LIMIT = 100  # Stripe's maximum


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a list, newest object first.

    - `ids` is a compressed JSON list, `created` the creation times, both in the order of the page.
    - `packed` is the compressed text of the page; `starts` are the offsets of its records, and of one more after them.
    - `date_unix` is Stripe's time when the request was sent.
    - `account` is added to each record, if the run reads several accounts.
    - `seen_ids` are ids of an earlier page, which `records` leaves out.
    """

    ids: bytes
    created: Sequence[int]
    starts: Sequence[int]
    has_more: bool
    date_unix: int
    packed: bytes
    account: str | None = None
    seen_ids: frozenset[str] = frozenset()

    def records(self) -> list[ListedRecord]:
        """The page's records, newest first, without those of `seen_ids`."""
        objects = zip(_IDS.decode(unpack(self.ids)), self.created, pairwise(self.starts), strict=True)
        return [
            ListedRecord(
                object_id, created, self.date_unix, packed=self.packed, start=start, end=after - 1, account=self.account
            )
            for object_id, created, (start, after) in objects
            if object_id not in self.seen_ids
        ]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list of one account. Safe to share between threads.

    - `client` sends the requests, for the account that it is scoped to.
    - `filters` and `expand` are parameters of every request for a page; `expand` without the prefix `data.`.
    - `stamp` is the member that the list's filter `created` compares; None for a list without this filter.
    - `account` is added to every record, if the run reads several accounts.
    - `is_snapshot`: the objects describe the past, so lists inside them are not completed.
    """

    client: Client
    path: str
    filters: Mapping[str, object] = field(default_factory=dict)
    expand: Sequence[str] = ()
    stamp: str | None = "created"
    account: str | None = None
    is_snapshot: bool = False

    def ask_for_one(self) -> int:
        """Request one object, to check that the key may read this list; returns Stripe's time. Raises StripeError."""
        return _sent_unix(self.client.get(self.path, {"limit": 1, **self._parameters}, read=self._read), self.path)

    def pages(self, start: int, end: int | None) -> Iterator[Page]:
        """The pages of [start, end), newest first, each object once; `end` None: no upper bound.

        Goes on where the cursor's object is deleted between two requests. Raises StripeError.
        """
        after: ObjectKey | None = None
        same_second: frozenset[str] = frozenset()
        while True:
            try:
                keys, page = self._request(after, start, end)
            except RequestRefused as error:
                if after is None or not _is_cursor_deleted(error):
                    raise
                end = after.created + 1  # the cursor's object was deleted meanwhile: go on from its second
                after = None
                continue
            yield replace(page, seen_ids=same_second)
            if not page.has_more:
                return
            last = keys[-1]
            ids = frozenset(each.id for each in keys if each.created == last.created)
            same_second = ids | same_second if after is None or after.created == last.created else ids
            after = last

    def page(self, start: int, end: int | None) -> Page:
        """The newest page of [start, end). Raises StripeError."""
        return self._request(None, start, end)[1]

    def every_page(self) -> Iterator[Page]:
        """All pages of a list without a `created` filter, newest first, each object once.

        Goes on where the cursor's object is deleted between two requests. Raises StripeError.
        """
        last: Sequence[ObjectKey] = ()
        back = 1
        while True:
            try:
                keys, page = self._request(last[-back] if last else None)
            except RequestRefused as error:
                if back >= len(last) or not _is_cursor_deleted(error):
                    raise
                back += 1  # the cursor's object was deleted meanwhile: go on from the one before it
                continue
            yield replace(page, seen_ids=frozenset(each.id for each in last[len(last) + 1 - back :]))
            if not page.has_more:
                return
            last, back = keys, 1

    def _request(
        self, after: ObjectKey | None, start: int | None = None, end: int | None = None
    ) -> tuple[Sequence[ObjectKey], Page]:
        parameters = {
            "limit": PAGE_LIMIT,
            "created": {"gte": start, "lt": end},
            "starting_after": after.id if after else None,
        }
        answer = self.client.get(self.path, {**parameters, **self._parameters}, read=self._read)
        keys, text = answer.value
        if not self.is_snapshot and is_cut(text, expected=keys.has_more):
            text = complete(text, self.client)
        return keys.data, Page(
            ids=pack(msgspec.json.encode([each.id for each in keys.data])),
            created=array("q", (each.created for each in keys.data)),
            starts=_record_starts(text),
            has_more=keys.has_more,
            date_unix=_sent_unix(answer, self.path),
            packed=pack(text),
            account=self.account,
        )

    @property
    def _parameters(self) -> Mapping[str, object]:
        return {**self.filters, "expand": [f"data.{name}" for name in self.expand]}

    def retrieve(self, object_id: str) -> ListedRecord:
        """The object with this id, as it is now; a deleted one may be `{id, object, deleted: true}`.

        Raises NotFound or another StripeError.
        """
        path = f"{self.path}/{quote(object_id, safe='')}"
        answer = self.client.get(path, {"expand": list(self.expand)}, read=functools.partial(_read_one, self.stamp))
        key, raw = answer.value
        if is_cut(raw):
            raw = complete(raw, self.client)
        return ListedRecord.single(key, raw, _sent_unix(answer, path), self.account)

    def _read(self, body: bytes) -> tuple[ObjectKeys, bytes]:
        """The keys of a page, and its compact text.

        Raises ValueError when the body is not a Stripe list, AccountTrouble when an object lacks `stamp`.
        """
        text = compact(body)
        keys = keys_decoder(self.stamp).decode(text)
        if keys.has_more and not keys.data:
            raise ValueError("the list has has_more: true on an empty page")
        if self.stamp and not keys.is_stamped:
            raise AccountTrouble(f"GET {self.path}: an object has no member {self.stamp}, and the tap reads by it")
        return keys, text

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


def compact(body: bytes) -> bytes:
    """JSON text without white space between tokens; values keep their spelling. Raises ValueError for invalid JSON."""
    if not body.isascii():
        body.decode()  # msgspec does not validate the UTF-8 of members that it skips
    return msgspec.json.format(body, indent=-1)


def _record_starts(text: bytes) -> Sequence[int]:
    """The offsets of a compact page's records, and of one more after them. One comma separates two records."""
    records = _LIST.decode(text).data
    first = text.find(bytes(records[0])) if records else 0
    return array("I", accumulate((len(memoryview(each)) + 1 for each in records), initial=first))


def _read_one(stamp: str | None, body: bytes) -> tuple[ObjectKey, bytes]:
    raw = compact(body)
    return read_key(stamp, raw), raw


def _is_cursor_deleted(error: RequestRefused) -> bool:
    return error.refusal is not None and error.refusal.param == "starting_after"


def _sent_unix(answer: Answer[T], path: str) -> int:
    """Stripe's time when the request was sent, in whole seconds.

    An answer's `Date` is the time when it was sent, and an object that appeared in between may not be in the answer.
    """
    if answer.date_unix is None:
        raise AccountTrouble(f"GET {path}: the answer has no Date, so it is not Stripe's. Check the setting base_url")
    return answer.date_unix - int(answer.took_s)
