"""One list of Stripe's, page by page: from the bytes of an answer to records that are ready to go out.

A record stays the bytes that Stripe sent, without the white space between them; nobody needs more of it than its id
and its `created`.
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

PAGE_LIMIT = 100  # the most that Stripe gives


@dataclass(frozen=True, kw_only=True)
class Page:
    """One answer of a list: newest first. `date_unix` is Stripe's time as of which it holds.

    `ids` (a JSON list, packed) and `created` are of what is on it, `starts` say where each record begins in the text
    that is `packed`, and where one more would; `left_out` are ids that an earlier page has shown.
    """

    ids: bytes
    created: Sequence[int]
    starts: Sequence[int]
    has_more: bool
    date_unix: int
    packed: bytes
    account: str | None = None
    left_out: frozenset[str] = frozenset()

    def found(self) -> list[ListedRecord]:
        """What is on it, whole."""
        places = zip(_IDS.decode(unpack(self.ids)), self.created, pairwise(self.starts), strict=True)
        return [
            ListedRecord(
                object_id, created, self.date_unix, packed=self.packed, start=start, end=after - 1, account=self.account
            )
            for object_id, created, (start, after) in places
            if object_id not in self.left_out
        ]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list of the account that `client` speaks for. Safe to share between threads.

    `filters` go with every request for a page, `expand` names what is to come inside an object; `stamp` is the member
    that the list can be cut by, if it can. `account` goes into every record, if the run reads several. A snapshot is of
    the past: lists in it stay as they were cut.
    """

    client: Client
    path: str
    filters: Mapping[str, object] = field(default_factory=dict)
    expand: Sequence[str] = ()
    stamp: str | None = "created"
    account: str | None = None
    is_snapshot: bool = False

    def ask_for_one(self) -> int:
        """Stripe's time, from the smallest request that shows whether the key may read this list."""
        return _as_of(self.client.get(self.path, {"limit": 1, **self._always}, read=self._read), self.path)

    def pages(self, start: int, end: int | None) -> Iterator[Page]:
        """What was created from `start` on and before `end`, newest first, each object once. Raises StripeError."""
        after: ObjectKey | None = None
        same_second: frozenset[str] = frozenset()
        while True:
            try:
                heads, page = self._ask(after, start, end)
            except RequestRefused as error:
                if after is None or not _is_cursor_gone(error):
                    raise
                end = after.created + 1  # the cursor's object was deleted meanwhile: go on from its second
                after = None
                continue
            yield replace(page, left_out=same_second)
            if not page.has_more:
                return
            last = heads[-1]
            ids = frozenset(each.id for each in heads if each.created == last.created)
            same_second = ids | same_second if after is None or after.created == last.created else ids
            after = last

    def page(self, start: int, end: int | None) -> Page:
        """The newest page of [start, end). Raises StripeError."""
        return self._ask(None, start, end)[1]

    def every_page(self) -> Iterator[Page]:
        """All of a list that cannot be cut by time, newest first, each object once. Raises StripeError."""
        last: Sequence[ObjectKey] = ()
        back = 1
        while True:
            try:
                heads, page = self._ask(last[-back] if last else None)
            except RequestRefused as error:
                if back >= len(last) or not _is_cursor_gone(error):
                    raise
                back += 1  # it was deleted meanwhile: go on from the one before it
                continue
            yield replace(page, left_out=frozenset(each.id for each in last[len(last) + 1 - back :]))
            if not page.has_more:
                return
            last, back = heads, 1

    def _ask(
        self, after: ObjectKey | None, start: int | None = None, end: int | None = None
    ) -> tuple[Sequence[ObjectKey], Page]:
        asked = {
            "limit": PAGE_LIMIT,
            "created": {"gte": start, "lt": end},
            "starting_after": after.id if after else None,
        }
        answer = self.client.get(self.path, {**asked, **self._always}, read=self._read)
        listed, text = answer.value
        if not self.is_snapshot and is_cut(text, expected=listed.has_more):
            text = complete(text, self.client)
        return listed.data, Page(
            ids=pack(msgspec.json.encode([each.id for each in listed.data])),
            created=array("q", (each.created for each in listed.data)),
            starts=_starts(text),
            has_more=listed.has_more,
            date_unix=_as_of(answer, self.path),
            packed=pack(text),
            account=self.account,
        )

    @property
    def _always(self) -> Mapping[str, object]:
        return {**self.filters, "expand": [f"data.{name}" for name in self.expand]}

    def one(self, object_id: str) -> ListedRecord:
        """One object by its id; what is left of a deleted one counts. Raises NotFound or another StripeError."""
        path = f"{self.path}/{quote(object_id, safe='')}"
        answer = self.client.get(path, {"expand": list(self.expand)}, read=functools.partial(_read_one, self.stamp))
        head, raw = answer.value
        if is_cut(raw):
            raw = complete(raw, self.client)
        return ListedRecord.alone(head, raw, _as_of(answer, path), self.account)

    def _read(self, body: bytes) -> tuple[ObjectKeys, bytes]:
        """What is on a page, and the page. Raises ValueError for what is no list of Stripe's, or AccountTrouble."""
        text = compact(body)
        listed = keys_decoder(self.stamp).decode(text)
        if listed.has_more and not listed.data:
            raise ValueError("a list says that there is more after nothing")
        if self.stamp and not listed.is_stamped:
            raise AccountTrouble(f"GET {self.path}: an object has no {self.stamp}, by which the list is read in parts")
        return listed, text

    def deleted(self, object_id: str, kind: str, read_at: int, *, of: str | None = None) -> ListedRecord:
        """What Stripe shows of an object that is no more; `of` is what it was a part of."""
        raw = msgspec.json.encode({"id": object_id, "object": kind, "deleted": True})
        raw = raw if of is None else with_member(raw, PARENT_MEMBER, of)
        return ListedRecord.alone(ObjectKey(id=object_id), raw, read_at, self.account)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


_LIST = msgspec.json.Decoder(_List)
_IDS = msgspec.json.Decoder(list[str])


def compact(body: bytes) -> bytes:
    """JSON on one line, every value as it was spelled; raises ValueError for what is none."""
    if not body.isascii():
        body.decode()  # msgspec does not look at the UTF-8 of what it skips
    return msgspec.json.format(body, indent=-1)


def _starts(text: bytes) -> Sequence[int]:
    """Where the records of a compact page begin, and where another one would: one comma lies between two."""
    records = _LIST.decode(text).data
    first = text.find(bytes(records[0])) if records else 0
    return array("I", accumulate((len(memoryview(each)) + 1 for each in records), initial=first))


def _read_one(stamp: str | None, body: bytes) -> tuple[ObjectKey, bytes]:
    raw = compact(body)
    return read_key(stamp, raw), raw


def _is_cursor_gone(error: RequestRefused) -> bool:
    return error.refusal is not None and error.refusal.param == "starting_after"


def _as_of(answer: Answer[T], path: str) -> int:
    """Stripe's time when the request went out, in whole seconds: an answer's `Date` is that of its sending, and what
    appeared while it was under way is not in it.
    """
    if answer.date_unix is None:
        raise AccountTrouble(f"GET {path}: the answer has no Date, so it is not Stripe's. Check the setting base_url")
    return answer.date_unix - int(answer.took_s)
