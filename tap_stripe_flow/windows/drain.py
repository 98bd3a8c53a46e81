"""Reads one window of a list: to its start, or until it holds enough objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.plan import DAY_S, Window, estimate
from tap_stripe_flow.windows.reach import Reach, Stop

# Two of Stripe's clocks may differ by this. A bookmark is never further in the future.
CLOCKS_S = 60


@dataclass(frozen=True, kw_only=True)
class DrainResult:
    """What was read of a window, as far as `stop` says; `pages` are newest first.

    `rest` are the following pages, not requested yet, of a second that holds too much for a buffer.
    """

    stop: Stop
    pages: Sequence[Page]
    rest: Iterator[Page] | None = None

    def records(self) -> list[ListedRecord]:
        """The records that were read, newest first; without those of `rest`."""
        read_from = self.stop.read_from
        return [record for page in self.pages for record in page.records() if record.created >= read_from]

    @property
    def size_bytes(self) -> int:
        """How much memory the pages take."""
        return sum(page.size_bytes for page in self.pages)


def drain(listing: Listing, reach: Reach, on_page: Callable[[], None] = lambda: None) -> DrainResult:
    """Read the window of `reach` page by page, newest first, until it says to stop. Raises StripeError.

    `on_page` is called after each page behind which another one is requested.
    """
    return _follow(listing, reach, listing.pages(reach.window.start, reach.window.end), on_page)


class FirstPage:
    """The newest page of [start, end), and what follows it; `end` None: up to Stripe's present, which the page shows.

    - `range` is the whole range.
    - `window` is what there is to read of it: without the time whose objects the list no longer shows.

    Raises StripeError.
    """

    def __init__(self, listing: Listing, start: int, end: int | None) -> None:
        self._listing, self._following = listing, listing.pages(start, end)
        self._first = next(self._following)
        self.range = self.window = Window(start=start, end=_present(self._first, start) if end is None else end)
        if listing.kept_days is not None:  # a day more to be safe
            oldest = self._first.date_unix - (listing.kept_days + 1) * DAY_S
            self.window = replace(self.range, start=max(start, min(oldest, self.range.end - 1)))

    @property
    def expected(self) -> float:
        """How many objects are estimated to follow the page.

        The estimate takes the page's density for that of the whole range. It is far too high if the range begins long
        before the account's first object.
        """
        created = self._first.created
        return estimate(self.window, len(created), min(created)) if created and self._first.has_more else 0

    def drain(self, at_least: int) -> DrainResult:
        """Read on, to the end if it is near, and at least so many objects; see `drain`. Raises StripeError."""
        pages = chain([self._first], self._following)
        return _follow(self._listing, Reach(self.window, at_least=at_least), pages, lambda: None)


def _follow(listing: Listing, reach: Reach, following: Iterator[Page], on_page: Callable[[], None]) -> DrainResult:
    pages: list[Page] = []
    for page in following:
        pages.append(page)
        stop = reach.add(page.created, has_more=page.has_more)
        if stop is not None:
            return _result(listing, reach.window, pages, stop, following)
        on_page()
    return DrainResult(stop=reach.end(), pages=pages)


def _result(
    listing: Listing, window: Window, pages: Sequence[Page], stop: Stop, following: Iterator[Page]
) -> DrainResult:
    if stop.has_rest:
        return DrainResult(stop=stop, pages=pages, rest=following)
    if stop.is_cut and not listing.is_newest_first:  # a later page may show newer objects: only the whole range does
        pages = list(listing.pages(stop.read_from, window.end))
        stop = replace(stop, count=sum(len(page.created) for page in pages))
    return DrainResult(stop=stop, pages=pages)


def _present(page: Page, start: int) -> int:
    """The end of a window that was read up to the present: after Stripe's time and after the newest object."""
    newest = page.created[0] if page.created else 0
    return max(start, page.date_unix, min(newest, page.date_unix + CLOCKS_S)) + 1
