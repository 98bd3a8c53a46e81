"""`capture: new`: what was created since the last run, each object once, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import Bookmark, UnusableState
from tap_stripe_flow.windows.commit import Committer
from tap_stripe_flow.windows.drain import CLOCKS_S
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.reader import Drained, Reader
from tap_stripe_flow.windows.span import Span, iso
from tap_stripe_flow.windows.state import StateKeeper


@dataclass(frozen=True, kw_only=True)
class Task:
    """One stream of one account: its list, what the state says of it, and how many ids the state may hold of it."""

    listing: Listing
    keeper: StateKeeper
    prefetch: PrefetchPool
    span: Span
    most_ids: int

    def windows(self, listing: Listing, start: int, end: int | None) -> Iterator[Drained]:
        """[start, end) of a list of this account, oldest first. Raises StripeError."""
        return Reader(listing, self.prefetch, start, end).windows()

    def committer(self, other: Bookmark | None) -> Committer:
        """What `other` remembers leaves less room."""
        return Committer(overlap_s=self.span.overlap_s, most_ids=self.most_ids - len(other.ids if other else ()))


class NewObjectCapture:
    """What is new of a task. `span` is what of it to read, once known; `now` is Stripe's time before all reading."""

    def __init__(self, task: Task) -> None:
        self._task = task
        span, known = task.span, task.keeper.stream_state
        # `now` is the first run's present, not this one's
        self.span = replace(span, start=known.started_at or OLDEST) if span.start is None and known.listed else span
        self.now: int | None = None

    def batches(self) -> Iterator[Batch]:
        """What is new, window by window.

        Raises StripeError, Misconfigured for a range that cannot be read, or UnusableState.
        """
        if self.span.start is None:
            yield self._begin_now()
        stream_state = self._task.keeper.stream_state
        bookmark = stream_state.listed or Bookmark.at(self.span.start or OLDEST)
        if self.span.end is not None and bookmark.reread_from >= self.span.end:
            return
        windows = self._task.windows(self._task.listing, bookmark.reread_from, self.span.end)
        checked = self._checked(windows, bookmark.reread_from)
        for closed in self._task.committer(stream_state.events).of(checked, bookmark):
            state = self._task.keeper.take(listed=closed.bookmark) if closed.bookmark else None
            yield Batch(records=closed.new, state=state, window=closed.window, until=self.span.end or self.now)

    def _begin_now(self) -> Batch:
        """Only what comes after Stripe's first answer is new; what it shows at its present second was there before."""
        now, there = 0, dict[str, int]()
        for page in self._task.listing.pages(OLDEST, None):
            now = now or page.date_unix
            there |= {each.id: each.created for each in page.found() if each.created >= now}
            if page.created and page.created[-1] < now:
                break
        self.span = replace(self.span, start=now)
        return Batch(state=self._task.keeper.take(started_at=now, listed=replace(Bookmark.at(now), recent=there)))

    def _checked(self, windows: Iterator[Drained], start: int) -> Iterator[Drained]:
        """`windows`, unless Stripe's clock has not reached the range: nothing would ever be read."""
        for drained in windows:
            if self.now is None:
                self._check(start, drained.date_unix)
            self.now = drained.date_unix if self.now is None else min(self.now, drained.date_unix)
            yield drained

    def _check(self, start: int, now: int) -> None:
        if (self._task.span.start or OLDEST) > now + CLOCKS_S:
            raise Misconfigured(
                f"setting start_date is {iso(start)}, and by Stripe's clock it is only {iso(now)}: nothing could be "
                "read yet. Write an earlier one"
            )
        if start > now + CLOCKS_S:
            raise UnusableState(
                f"by its state it was read up to {iso(start)}, and by Stripe's clock it is only {iso(now)}: wait until "
                "then, or check the setting base_url: it may be another Stripe that wrote the state"
            )
        self.span.check_end(now)
