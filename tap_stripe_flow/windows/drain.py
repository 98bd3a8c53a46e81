"""Reads one window of a list to its end, or as far back as is worth while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.plan import MOST, TARGET, Window, estimate, is_too_much

# How far two clocks of Stripe's may be apart; a bookmark is never written further into the future.
CLOCKS_S = 60


@dataclass(frozen=True, kw_only=True)
class Read:
    """What draining a window came to: `count` objects from `read_from` on, and what is expected before it.

    `is_dense`: the second before `read_from` alone is more than was read. `rest` are the pages that follow, still to
    be asked for: a second that holds too much for a buffer.
    """

    window: Window
    read_from: int
    pages: Sequence[Page]
    count: int
    expected: float = 0
    is_dense: bool = False
    rest: Iterator[Page] | None = None

    def found(self) -> list[ListedRecord]:
        """What was read, newest first."""
        return [each for page in self.pages for each in page.found() if each.created >= self.read_from]


def drain(listing: Listing, start: int, end: int | None, usual_per_s: float = 0, size: int = TARGET) -> Read:
    """Read [start, end) page by page, as far back as is worth while; `end` None: up to the present.

    A window should hold `size` objects. Raises StripeError.
    """
    coming = listing.pages(start, end)
    page = next(coming)
    pages, created = [page], list(page.created)
    window = Window(start=start, end=_present(page, start) if end is None else end)
    while page.has_more:
        oldest = created[-1]
        before = estimate(window, len(created), oldest, usual_per_s)
        if window.seconds > 1 and is_too_much(len(created), before, size):
            # Only whole seconds are kept: of the oldest one there may be more.
            count = sum(each > oldest for each in created)
            return Read(
                window=window, read_from=oldest + 1, pages=pages, count=count, expected=before, is_dense=not count
            )
        if window.seconds == 1 and len(created) > MOST:
            return Read(window=window, read_from=start, pages=pages, count=len(created), rest=coming)
        page = next(coming)
        pages.append(page)
        created += page.created
    return Read(window=window, read_from=start, pages=pages, count=len(created))


def _present(page: Page, start: int) -> int:
    """The end of a window that was read up to the present: after Stripe's time and after the newest object."""
    newest = page.created[0] if page.created else 0
    return max(start, page.date_unix, min(newest, page.date_unix + CLOCKS_S)) + 1
