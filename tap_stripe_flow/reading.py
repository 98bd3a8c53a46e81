"""Reads one list of Stripe's for one account, window after window, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import AccountTrouble, Misconfigured
from tap_stripe_flow.bookmark import Bookmark, Seen
from tap_stripe_flow.streams import StreamSpec
from tap_stripe_flow.windows import TOO_MANY, Window, estimate, next_width, shrink

PAGE_LIMIT = 100  # the most that Stripe gives
# How far two clocks of Stripe's may be apart; a bookmark is never written further into the future.
CLOCKS_S = 60

Object = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One answer of a list: newest first. `date_unix` is Stripe's time when it was given."""

    objects: list[Object]
    has_more: bool
    date_unix: int


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A window that was read: what is new in it, oldest first, and the bookmark once that is out.

    Not `is_whole` where the bookmark could not remember all of it; what lies behind must then wait, too.
    """

    window: Window
    is_whole: bool
    new: list[Object]
    bookmark: Bookmark


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What to read: a stream of the account that `client` speaks for, up to `end` or to Stripe's present."""

    client: Client
    spec: StreamSpec
    overlap_s: int
    end: int | None = None

    def windows(self, bookmark: Bookmark) -> Iterator[Drained]:
        """Every window after `bookmark`, each drained before it is handed out. Raises StripeError.

        The first attempt covers all that is left, so a run with little to do costs one request.
        """
        start, upper = bookmark.reread_from, self.end
        while upper is None or start < upper:
            first = self._page(start, upper)
            self._check_range(start, first.date_unix)
            window = Window(start=start, end=_end(first, start) if upper is None else upper)
            drained = self._drain(window, first)
            if isinstance(drained, Window):
                upper = drained.end
                continue
            closed = self._close(window, drained, bookmark, first.date_unix - self.overlap_s)
            yield closed
            if upper == self.end or not closed.is_whole:
                return  # the present is reached, or so much is new that the rest must wait until it is settled
            bookmark, start = closed.bookmark, window.end
            coming = start + next_width(window, len(drained))
            upper = coming if coming < (self.end or first.date_unix) else self.end

    def ask_for_one(self) -> None:
        """Whether the key may read this list, at the price of one request. Raises StripeError."""
        self.client.get(self.spec.path, {"limit": 1}, read=read_list)

    def _drain(self, window: Window, page: Page) -> list[Object] | Window:
        """All objects of `window`, newest first; or a smaller window to try instead, if it holds too many."""
        found = list(page.objects)
        expected = estimate(window, len(found), _created(found[-1])) if page.has_more else 0
        while page.has_more:
            if max(expected, len(found)) > TOO_MANY and window.seconds > 1:
                return shrink(window, max(expected, len(found)))
            page = self._page(window.start, window.end, after=str(found[-1]["id"]))
            found += page.objects
        return found

    def _close(self, window: Window, found: list[Object], bookmark: Bookmark, settled: int) -> Drained:
        """`window`, or as much of it as the bookmark can remember; nothing new where not even a second fits."""
        seen = [Seen(id=str(each["id"]), created=_created(each)) for each in found]
        reach = bookmark.reach(window, seen, settled)
        if reach == window.start:
            return Drained(window=window, is_whole=False, new=[], bookmark=bookmark)
        closed = Window(start=window.start, end=reach)
        inside = [(each, known) for each, known in zip(found, seen, strict=True) if known.created < reach]
        return Drained(
            window=closed,
            is_whole=reach == window.end,
            new=[each for each, known in reversed(inside) if not bookmark.knows(known.id)],
            bookmark=bookmark.after(closed, [known for _, known in inside], settled),
        )

    def _page(self, start: int, end: int | None, after: str | None = None) -> Page:
        created = {"gte": start, "lt": end}
        answer = self.client.get(
            self.spec.path, {"limit": PAGE_LIMIT, "created": created, "starting_after": after}, read=read_list
        )
        if answer.date_unix is None:
            raise AccountTrouble(
                f"GET {self.spec.path}: the answer has no Date, so it is not Stripe's. Check the setting base_url"
            )
        objects, has_more = answer.value
        return Page(objects=objects, has_more=has_more, date_unix=answer.date_unix)

    def _check_range(self, start: int, now_unix: int) -> None:
        """Raises Misconfigured for a range that Stripe's clock has not reached: nothing would ever be read."""
        if start > now_unix + CLOCKS_S:
            raise Misconfigured(
                f"the stream {self.spec.name} would be read from Unix time {start} on, and by Stripe's clock it is "
                f"only {now_unix}: correct start_date, or clear the state (`meltano state clear`) if that is wrong"
            )
        if self.end is not None and self.end > now_unix - self.overlap_s:
            raise Misconfigured(
                f"setting end_date must be at least overlap_s ({self.overlap_s} s) before Stripe's present: "
                "leave it out to read up to now"
            )


class _List(msgspec.Struct):
    data: list[Object]
    has_more: bool


def read_list(body: bytes) -> tuple[list[Object], bool]:
    """The objects of a list and whether there are more; raises ValueError for what is no list of Stripe's."""
    found = msgspec.json.decode(body, type=_List)
    for each in found.data:
        if not isinstance(each.get("id"), str) or type(each.get("created")) is not int:
            raise ValueError("a list holds an object without id or created")
    if found.has_more and not found.data:
        raise ValueError("a list says that there is more after nothing")
    return found.data, found.has_more


def _created(found: Object) -> int:
    return cast("int", found["created"])  # read_list has checked it


def _end(page: Page, start: int) -> int:
    """The end of a window that was read up to the present: after Stripe's time and after the newest object."""
    newest = _created(page.objects[0]) if page.objects else 0
    return max(start, page.date_unix, min(newest, page.date_unix + CLOCKS_S)) + 1
