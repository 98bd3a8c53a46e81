"""Reads objects that changed, by id or by listing where they are, whichever is fewer requests."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence

from stripe_flow.api.errors import NotFound
from tap_stripe_flow.capture.change_feed import Change, ChildChange, is_worth_listing
from tap_stripe_flow.listing.pages import PAGE_LIMIT, Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord

# How many objects one thread looks after; those that lie close together share pages.
CHUNK = 50


def reread(listing: Listing, kind: str, changes: Iterable[Change], prefetch: PrefetchPool) -> Iterator[ListedRecord]:
    """Every changed object once, as it is now; `{id, object, deleted: true}` for one that is no more."""
    left = sorted(changes, key=lambda change: (change.created, change.id), reverse=True)
    chunks = [left[begin : begin + CHUNK] for begin in range(0, len(left), CHUNK)]
    for found in prefetch.in_order(functools.partial(_reread, listing, kind, chunk) for chunk in chunks):
        yield from found


def reread_parents(
    listing: Listing, kind: str, child_changes: Iterable[ChildChange], prefetch: PrefetchPool
) -> Iterator[tuple[ChildChange, ListedRecord]]:
    """The object that each is about, as it is now: only reading it tells how old it is."""
    waiting = list(child_changes)
    jobs = (functools.partial(_one, listing, kind, touch) for touch in waiting)
    yield from zip(waiting, prefetch.in_order(jobs), strict=True)


def _reread(listing: Listing, kind: str, changes: Sequence[Change]) -> list[ListedRecord]:
    """Each round reads the newest that is left, and with a page of the list what else the page shows."""
    found = [listing.deleted(each.id, kind, each.at) for each in changes if each.is_deleted]
    left = [each for each in changes if not each.is_deleted]
    per_s: float | None = None
    while left:
        newest = left[0]
        shown: dict[str, ListedRecord] = {}
        if len(left) > 1 and is_worth_listing(newest, left[1], per_s, PAGE_LIMIT):
            page = listing.page(left[-1].created, newest.created + 1)
            shown = {each.id: each for each in page.found()}
            per_s = _density(page, newest) if page.has_more else math.inf  # what the whole list lacks is read by id
        if newest.id not in shown:
            shown[newest.id] = _one(listing, kind, newest)
        found += [shown[each.id] for each in left if each.id in shown]
        left = [each for each in left if each.id not in shown]
    return found


def _density(page: Page, newest: Change) -> float:
    """Objects a second."""
    return len(page.created) / max(1, newest.created + 1 - page.created[-1])


def _one(listing: Listing, kind: str, change: Change | ChildChange) -> ListedRecord:
    try:
        return listing.one(change.id)
    except NotFound:
        return listing.deleted(change.id, kind, change.at)
