"""`capture: new`: the objects created since the last run, each once, oldest first."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from stripe_flow.api.client import Client
from stripe_flow.api.errors import Misconfigured, StripeError
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import LISTED, Bookmark, BookmarkMembers, UnusableState
from tap_stripe_flow.windows.commit import Committer
from tap_stripe_flow.windows.drain import CLOCKS_S
from tap_stripe_flow.windows.id_pool import IdPool, IdShare
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.reader import DrainedWindow, WindowReader
from tap_stripe_flow.windows.span import Span, iso
from tap_stripe_flow.windows.state import StateKeeper


@dataclass(frozen=True, kw_only=True)
class Task:
    """One stream of one account, to be read from its list.

    - `keeper` holds its state, `span` is the range that the settings select.
    - `ids` counts the ids of all bookmarks of the state; `partition` is the name of this task's in it.
    """

    listing: Listing
    keeper: StateKeeper
    prefetch: PrefetchPool
    span: Span
    ids: IdPool
    partition: Hashable = None

    def windows(self, listing: Listing, start: int, end: int | None) -> Iterator[DrainedWindow]:
        """The windows of [start, end) of a list of this account, oldest first. Raises StripeError."""
        return self.reader(listing, start, end).windows()

    def reader(self, listing: Listing, start: int, end: int | None) -> WindowReader:
        """Reads [start, end) of a list of this account."""
        return WindowReader(listing, self.prefetch, start, end)

    def committer(self, bookmark: BookmarkMembers) -> Committer:
        """A committer for one of the task's bookmarks."""
        return Committer(overlap_s=self.span.overlap_s, ids=IdShare(self.ids, (self.partition, bookmark)))


class NewObjectCapture:
    """Reads the new objects of a task.

    `span` is the range to read; its start is None until `start_date: now` has begun. `now` is Stripe's time when the
    first window was requested; None before.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.span = task.span
        self.now: int | None = None

    def batches(self) -> Iterator[Batch]:
        """A batch for each committed window.

        Raises StripeError; Misconfigured for a range in the future, or one whose end is not settled; UnusableState for
        a bookmark in the future.
        """
        stream_state = self._task.keeper.stream_state
        if self.span.start is None and (stream_state.listed or stream_state.started_at is not None):
            # `start_date: now` means the time of the first run, not of this one.
            self.span = replace(self.span, start=stream_state.started_at or OLDEST)
        elif self.span.start is None:
            yield from self._begin_now()
        stream_state = self._task.keeper.stream_state
        bookmark = stream_state.listed or Bookmark.at(self.span.start or OLDEST)
        if self.span.end is not None and bookmark.reread_from >= self.span.end:
            return
        reader = self._task.reader(self._task.listing, bookmark.reread_from, self.span.end)
        if expected := reader.read_first_page():
            yield Batch(expected=expected)
        checked = self._checked(reader.windows(), bookmark.reread_from)
        for committed in self._task.committer(LISTED).commit(checked, bookmark):
            state = self._task.keeper.update(listed=committed.bookmark) if committed.bookmark else None
            yield Batch(records=committed.new, state=state, window=committed.window, until=self.span.end or self.now)

    def _begin_now(self) -> Iterator[Batch]:
        """Begin `start_date: now` at Stripe's first answer; objects of its second that it shows are not new.

        If the list cannot be read, the next run still begins at the time of this one.
        """
        begun_s, now, known = time.monotonic(), 0, dict[str, int]()
        try:
            for page in self._task.listing.pages(OLDEST, None):
                now = now or page.date_unix
                known |= {each.id: each.created for each in page.records() if each.created >= now}
                if page.created and page.created[-1] < now:
                    break
        except StripeError:
            started_at = now or stripe_unix(self._task.listing.client, begun_s)
            if started_at is not None:
                yield Batch(state=self._task.keeper.update(started_at=started_at), at_once=True)
            raise
        self.span = replace(self.span, start=now)
        listed = replace(Bookmark.at(now), run_ids=known)
        yield Batch(state=self._task.keeper.update(started_at=now, listed=listed), at_once=True)

    def _checked(self, windows: Iterator[DrainedWindow], start: int) -> Iterator[DrainedWindow]:
        """`windows`, with the range checked against Stripe's time of the first one."""
        for drained in windows:
            if self.now is None:
                self._check_range(start, drained.date_unix)
            self.now = drained.date_unix if self.now is None else min(self.now, drained.date_unix)
            yield drained

    def _check_range(self, start: int, now: int) -> None:
        if (self._task.span.start or OLDEST) > now + CLOCKS_S:
            raise Misconfigured(
                f"setting start_date is {iso(start)}, which is in the future: Stripe's clock shows {iso(now)}. "
                "Set an earlier date"
            )
        check_bookmark(start, now)
        self.span.check_end(now)


def check_bookmark(reread_from: int, now: int) -> None:
    """Raise UnusableState for a bookmark that is later than Stripe's time `now`; both are Unix seconds."""
    if reread_from > now + CLOCKS_S:
        raise UnusableState(
            f"the bookmark in its state, {iso(reread_from)}, is in the future: Stripe's clock shows {iso(now)}. "
            "Wait until then, or check the setting base_url: the state may be from another server"
        )


def stripe_unix(client: Client, monotonic_s: float) -> int | None:
    """Stripe's time at this time of the monotonic clock, in whole Unix seconds, by any of its answers, refusals too.

    None if it has not answered.
    """
    now_unix = client.clock.now_unix(monotonic_s)
    return None if now_unix is None else int(now_unix)
