"""Reads changed objects again, by id or by pages of their list, whichever takes fewer requests.

That an object is missing on a page proves nothing: it is then read by its id.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stripe_flow.api.errors import NotFound, StripeError
from stripe_flow.api.paging import PAGE_LIMIT
from tap_stripe_flow.capture.change_feed import Change, is_worth_listing
from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.listing.refusals import is_of_one_object
from tap_stripe_flow.windows.plan import OLDEST

# How many objects one job of the pool reads. They are neighbours by creation time, so they share pages.
CHUNK = 50
# Fewer objects are read by id at once: a page could save only a request or two.
LEAST_FOR_A_PAGE = 4


# So many objects that cannot be read are no accident: the others are not asked for.
MOST_UNREAD = 5


@dataclass(frozen=True)
class Objects:
    """The objects of `listing`, of one kind (their member `object`).

    `unread` collects the errors of objects that cannot be read by their id. The first ones are left out.
    """

    listing: Listing
    kind: str
    unread: list[StripeError] = field(default_factory=list)

    def retrieve(self, named: Named) -> ListedRecord | None:
        """The object, `{id, object, deleted: true}` if it does not exist, None if it is unread. Raises StripeError."""
        try:
            return self.listing.retrieve(named.id)
        except NotFound:
            return self.listing.deleted_record(named.id, self.kind, named.at)
        except StripeError as error:
            self.unread.append(error)
            if not is_of_one_object(error) or len(self.unread) > MOST_UNREAD:
                raise
            return None


class Named(Protocol):
    """An object to read: its id, and the time of its event in Unix seconds; a Change or a ChildChange."""

    @property
    def id(self) -> str: ...

    @property
    def at(self) -> int: ...


def reread(objects: Objects, changes: Iterable[Change], prefetch: PrefetchPool) -> Iterator[ListedRecord]:
    """Each object once, as it is now; `{id, object, deleted: true}` if it does not exist. Raises StripeError.

    Pages are requested at the creation time that the change shows; without one see `reread_unplaced`.
    """
    ordered = sorted(changes, key=lambda change: (change.created or 0, change.id), reverse=True)
    chunks = [ordered[begin : begin + CHUNK] for begin in range(0, len(ordered), CHUNK)]
    for records in prefetch.in_order(functools.partial(_reread_chunk, objects, chunk) for chunk in chunks):
        yield from records


def reread_unplaced(objects: Objects, changes: Iterable[Named], prefetch: PrefetchPool) -> Iterator[ListedRecord]:
    """The same for objects whose creation time is not known.

    The newest page is tried, and the pages after it while they show several of the objects. What is left is read by
    id; each time, the creation time of what was read shows where a page is tried next. After each page in vain twice as
    many are read by id before the next one, so that pages in vain cost little.
    """
    left: dict[str, Named] = {change.id: change for change in changes}
    end: int | None = None
    by_id, is_placed = 1, True
    while left:
        if len(left) < LEAST_FOR_A_PAGE:
            by_id = len(left)
        elif is_placed:
            found = list(_neighbours(objects.listing, left, end))
            yield from found
            by_id = 1 if len(found) > 1 else by_id * 2
        else:
            by_id *= 2
        names = [left.pop(each) for each in list(itertools.islice(left, by_id))]
        read = prefetch.in_order(functools.partial(objects.retrieve, each) for each in names)
        records = [record for record in read if record is not None]
        yield from records
        newest = max((record.created for record in records), default=0)
        end, is_placed = newest + 1, newest > 0  # a deleted object has no creation time


def _neighbours(listing: Listing, left: dict[str, Named], end: int | None) -> Iterator[ListedRecord]:
    """The objects of `left` on the pages before `end`, taken out of it; ends at a page that shows fewer than two."""
    while True:
        page = listing.page(OLDEST, end)
        found = [record for record in page.records() if left.pop(record.id, None) is not None]
        yield from found
        if len(found) < 2 or not page.has_more or not left:  # a page costs what one object costs
            return
        end = page.created[-1] + 1


def _reread_chunk(objects: Objects, changes: Sequence[Change]) -> list[ListedRecord]:
    """Each round reads a page where that is worth it, and by id what the page should show and does not."""
    records: list[ListedRecord] = []
    left = list(changes)
    per_s: float | None = None
    while left:
        shown: Mapping[str, ListedRecord] = {}
        reach = _created(left[0])
        if len(left) > 1 and is_worth_listing(reach, _created(left[1]), per_s, PAGE_LIMIT):
            page = objects.listing.page(_created(left[-1]), reach + 1)
            per_s = _objects_per_s(page, reach)
            reach = page.created[-1] + 1 if page.has_more and page.created else 0  # its last second may go on
            shown = {record.id: record for record in page.records()}
        missing = [each for each in left if each.id not in shown and _created(each) >= reach]
        if not missing and not any(each.id in shown for each in left):
            missing = left[:1]
        by_id = {each.id: objects.retrieve(each) for each in missing}
        found = {**by_id, **shown}
        records += [record for each in left if (record := found.get(each.id)) is not None]
        left = [each for each in left if each.id not in found]
    return records


def _created(change: Change) -> int:
    return change.created or 0


def _objects_per_s(page: Page, newest: int) -> float:
    """Infinite at the end of the list: no further page shows anything."""
    if not page.has_more or not page.created:
        return math.inf
    return len(page.created) / max(1, newest + 1 - page.created[-1])
