"""Reads one window of a list: to its start, or until it holds enough objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.plan import MOST_OBJECTS, TARGET_OBJECTS, Window, estimate, is_too_much

# Two of Stripe's clocks may differ by this. A bookmark is never further in the future.
CLOCKS_S = 60


@dataclass(frozen=True, kw_only=True)
class DrainResult:
    """The objects of `window` from `read_from` on, newest first.

    - `count` is how many objects were read, `expected` how many are estimated before `read_from`.
    - `is_dense`: the second before `read_from` alone holds more than was read.
    - `rest` are the following pages, not requested yet, of a second that holds too much for a buffer.
    """

    window: Window
    read_from: int
    pages: Sequence[Page]
    count: int
    expected: float = 0
    is_dense: bool = False
    rest: Iterator[Page] | None = None

    def records(self) -> list[ListedRecord]:
        """The records that were read, newest first; without those of `rest`."""
        return [record for page in self.pages for record in page.records() if record.created >= self.read_from]


def drain(
    listing: Listing, start: int, end: int | None, usual_per_s: float = 0, size: int = TARGET_OBJECTS
) -> DrainResult:
    """Read [start, end) page by page, newest first, until it is read or holds about `size` objects.

    `end` None: up to Stripe's present. `usual_per_s` is how many objects a second held lately. Raises StripeError.
    """
    following = listing.pages(start, end)
    pages, created = [first := next(following)], list(first.created)
    window = Window(start=start, end=_present(first, start) if end is None else end)
    while True:
        # Only a list that came newest first shows how far it was read.
        if pages[-1].has_more and created and created == sorted(created, reverse=True):
            oldest = created[-1]
            before = estimate(window, len(created), oldest, usual_per_s)
            if window.seconds > 1 and is_too_much(len(created), before, size):
                # Only whole seconds are kept: the next page may have more objects of the oldest second.
                count, is_dense = sum(each > oldest for each in created), created[0] == oldest
                if not listing.is_newest_first:  # a later page may show newer objects: only the whole range shows them
                    pages = list(listing.pages(oldest + 1, window.end))
                    count = sum(len(page.created) for page in pages)
                return DrainResult(
                    window=window, read_from=oldest + 1, pages=pages, count=count, expected=before, is_dense=is_dense
                )
            if window.seconds == 1 and len(created) > MOST_OBJECTS:
                return DrainResult(window=window, read_from=start, pages=pages, count=len(created), rest=following)
        page = next(following, None)
        if page is None:
            return DrainResult(window=window, read_from=start, pages=pages, count=len(created))
        pages.append(page)
        created += page.created


def _present(page: Page, start: int) -> int:
    """The end of a window that was read up to the present: after Stripe's time and after the newest object."""
    newest = page.created[0] if page.created else 0
    return max(start, page.date_unix, min(newest, page.date_unix + CLOCKS_S)) + 1
