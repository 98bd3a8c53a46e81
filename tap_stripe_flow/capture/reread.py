"""Reads changed objects again, by id or by pages of their list, whichever takes fewer requests."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence

from stripe_flow.api.errors import NotFound
from stripe_flow.api.paging import PAGE_LIMIT
from tap_stripe_flow.capture.change_feed import Change, ChildChange, is_worth_listing
from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord

# How many objects one job of the pool reads. They are neighbours by creation time, so they share pages.
CHUNK = 50


def reread(listing: Listing, kind: str, changes: Iterable[Change], prefetch: PrefetchPool) -> Iterator[ListedRecord]:
    """Each changed object once, as it is now; `{id, object, deleted: true}` for a deleted one. Raises StripeError."""
    ordered = sorted(changes, key=lambda change: (change.created, change.id), reverse=True)
    chunks = [ordered[begin : begin + CHUNK] for begin in range(0, len(ordered), CHUNK)]
    for records in prefetch.in_order(functools.partial(_reread_chunk, listing, kind, chunk) for chunk in chunks):
        yield from records


def reread_parents(
    listing: Listing, kind: str, child_changes: Iterable[ChildChange], prefetch: PrefetchPool
) -> Iterator[tuple[ChildChange, ListedRecord]]:
    """Each child change with its parent as it is now, which also gives the parent's `created`. Raises StripeError."""
    changes = list(child_changes)
    jobs = (functools.partial(_retrieve, listing, kind, change) for change in changes)
    yield from zip(changes, prefetch.in_order(jobs), strict=True)


def _reread_chunk(listing: Listing, kind: str, changes: Sequence[Change]) -> list[ListedRecord]:
    """Each round reads the newest object that is left, and with a page of the list the others on that page."""
    records = [listing.deleted_record(each.id, kind, each.at) for each in changes if each.is_deleted]
    left = [each for each in changes if not each.is_deleted]
    per_s: float | None = None
    while left:
        newest = left[0]
        by_id: dict[str, ListedRecord] = {}
        if len(left) > 1 and is_worth_listing(newest, left[1], per_s, PAGE_LIMIT):
            page = listing.page(left[-1].created, newest.created + 1)
            by_id = {each.id: each for each in page.records()}
            # Objects that are missing on the last page are not in the list: read the rest by id.
            per_s = _objects_per_s(page, newest) if page.has_more else math.inf
        if newest.id not in by_id:
            by_id[newest.id] = _retrieve(listing, kind, newest)
        records += [by_id[each.id] for each in left if each.id in by_id]
        left = [each for each in left if each.id not in by_id]
    return records


def _objects_per_s(page: Page, newest: Change) -> float:
    return len(page.created) / max(1, newest.created + 1 - page.created[-1])


def _retrieve(listing: Listing, kind: str, change: Change | ChildChange) -> ListedRecord:
    try:
        return listing.retrieve(change.id)
    except NotFound:
        return listing.deleted_record(change.id, kind, change.at)
