"""`capture: changes`: new objects, and objects that changed or were deleted since the last run.

    new objects     the list, as under `capture: new`
    changes         the events since the last run; the tap reads the objects that they name
    gap             after events were missed: objects of the last `events_gap_days` days are read again

After a gap, events are read from the oldest that Stripe surely keeps, before the objects of the gap. So these objects
need no older event, and a run that is killed inside the gap goes on where it stopped.

New objects always come from the list. An event of an object that the list has not shown yet is ignored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stripe_flow.api.errors import PermissionMissing, StripeUnreachable
from tap_stripe_flow.capture.change_feed import Change, ChangeSet, ChildChange, EventReader
from tap_stripe_flow.capture.new_objects import NewObjectCapture, Task
from tap_stripe_flow.capture.reread import reread, reread_parents
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.record import ListedRecord, Record
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import Bookmark
from tap_stripe_flow.windows.drain import CLOCKS_S
from tap_stripe_flow.windows.plan import OLDEST, Window

DAY_S = 24 * 60 * 60
# Stripe keeps events for 30 days: https://docs.stripe.com/api/events/list
EVENTS_KEPT_S = 30 * DAY_S
# After a gap, events are read from this much later than the oldest that Stripe keeps: Stripe may drop older ones before
# the next request, and a run that follows soon must not find a gap again.
EVENTS_EDGE_S = 600
# How many changes make a batch.
MOST_PENDING = 1_000
# How many new objects are remembered as read just now, so that their events do not cause a second read.
MOST_FRESH = 10_000


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The events of a stream.

    - `events` lists them, `reader` finds the changes in them.
    - `gap_days` is how many days of objects to read again after a gap (setting `events_gap_days`).
    - `warn` is called with the message when there is a gap.
    """

    events: Listing
    reader: EventReader
    gap_days: int
    warn: Callable[[str], None]


class ChangeCapture:
    """Reads the new, changed and deleted objects of a task."""

    def __init__(self, task: Task, feed: Feed) -> None:
        self._task = task
        self._feed = feed
        self._new_objects = NewObjectCapture(task)
        self._fresh: dict[str, int] = {}
        self._listed_before = task.keeper.stream_state.listed

    def batches(self) -> Iterator[Batch]:
        """New objects first, then changes, then the objects of a gap.

        Raises StripeError; if only the events cannot be read, after all new objects.
        """
        stream_state = self._task.keeper.stream_state
        if stream_state.events is None and stream_state.listed is None:
            yield Batch(state=self._task.keeper.update(events=Bookmark.at(stripe_time(self._feed.events))))
        listed = self._task.keeper.stream_state.listed
        for batch in self._new_objects.batches():
            self._note_fresh(batch.records)
            yield batch
        if listed is not None and self._is_gap():
            yield self._begin_gap(listed.end)
        yield from self._changes()
        yield from self._gap()

    def _is_gap(self) -> bool:
        """Whether Stripe no longer keeps some of the events that come next, or events were never read."""
        events, now = self._task.keeper.stream_state.events, self._new_objects.now
        if now is None:  # a range that has ended needs no list request, so Stripe's time is not known yet
            now = self._feed.events.ask_for_one()
        return events is None or now - events.reread_from > EVENTS_KEPT_S

    def _begin_gap(self, listed_until: int) -> Batch:
        """Warn, and plan to read again the objects of `gap_days` and the events that Stripe still keeps."""
        stream_state, now = self._task.keeper.stream_state, self._feed.events.ask_for_one()
        start = max(self._new_objects.span.start or OLDEST, now - self._feed.gap_days * DAY_S)
        if stream_state.gap is not None:
            start = min(start, stream_state.gap.start)
        reason = (
            "earlier runs had capture: new, so they read no events"
            if stream_state.events is None
            else "the next events are older than the 30 days for which Stripe keeps them"
        )
        self._feed.warn(
            f"{reason}: objects created in the last {self._feed.gap_days} days (setting events_gap_days) are read "
            "again, and older ones that changed in the last 30 days; earlier changes of older objects may be missing"
        )
        gap = Window(start=start, end=listed_until) if start < listed_until else None
        events = Bookmark.at(now - EVENTS_KEPT_S + EVENTS_EDGE_S)
        return Batch(state=self._task.keeper.update(events=events, gap=gap))

    def _gap(self) -> Iterator[Batch]:
        gap = self._task.keeper.stream_state.gap
        if gap is None:
            return
        for drained in self._task.windows(self._task.listing, gap.start, gap.end):
            for page in drained.rest or ():
                yield Batch(records=page.records(), window=drained.window, until=gap.end)
            left = Window(start=drained.window.end, end=gap.end) if drained.window.end < gap.end else None
            yield Batch(
                records=drained.records[::-1],
                state=self._task.keeper.update(gap=left),
                window=drained.window,
                until=gap.end,
            )

    def _changes(self) -> Iterator[Batch]:
        stream_state = self._task.keeper.stream_state
        bookmark = stream_state.events or Bookmark.at(OLDEST)
        windows = self._task.windows(self._feed.events, bookmark.reread_from, None)
        pending = ChangeSet()
        for committed in self._task.committer(stream_state.listed).commit(windows, bookmark):
            pending = pending.merge(self._feed.reader.change_set(committed.new))
            bookmark = committed.bookmark or bookmark
            if committed.bookmark and len(pending) >= MOST_PENDING:
                yield self._reread(pending, bookmark)
                pending = ChangeSet()
        yield self._reread(pending, bookmark)

    def _reread(self, change_set: ChangeSet, bookmark: Bookmark) -> Batch:
        """The objects of `change_set` as they are now; `bookmark` is that of the events."""
        listing, kind, prefetch = self._task.listing, self._feed.reader.kind, self._task.prefetch
        wanted = [change for change in change_set.object_changes() if self._is_wanted(change)]
        records = list(reread(listing, kind, wanted, prefetch))
        for child_change, parent in reread_parents(listing, kind, change_set.child_changes_only(), prefetch):
            change = Change(id=child_change.id, created=parent.created, at=child_change.at, is_deleted=False)
            if self._is_wanted(change):
                wanted.append(change)
                records.append(parent)
        records += self._deleted_children(
            change_set.child_changes[each.id] for each in wanted if each.id in change_set.child_changes
        )
        return Batch(records=records, state=self._task.keeper.update(events=bookmark))

    def _deleted_children(self, child_changes: Iterable[ChildChange]) -> Iterator[ListedRecord]:
        for change in child_changes:
            for kind, child_id in sorted(change.deleted_children):
                yield self._task.listing.deleted_record(child_id, kind, change.at, parent=change.id)

    def _is_wanted(self, change: Change) -> bool:
        """Whether the object was emitted before, and not read in this run after the change.

        A deletion counts as emitted before: the list no longer shows the object, and the bookmark forgets such ids.
        """
        listed = self._task.keeper.stream_state.listed
        if listed is None or not self._new_objects.span.holds(change.created):
            return False
        before = self._listed_before
        was_emitted = change.is_deleted or (before is not None and before.has_emitted(change.id))
        read_at = self._fresh.get(change.id)
        is_fresh = read_at is not None and change.at + CLOCKS_S < read_at
        return (was_emitted or listed.covers(change.id, change.created)) and not is_fresh

    def _note_fresh(self, records: Iterable[Record]) -> None:
        self._fresh |= {each.id: each.read_at for each in records}
        for object_id in list(self._fresh)[: max(0, len(self._fresh) - MOST_FRESH)]:
            del self._fresh[object_id]


def stripe_time(events: Listing) -> int:
    """Stripe's time in Unix seconds before anything is read, from a request for one event.

    A refusal also carries the time; then events may be read in a later run. Without an answer the time is
    extrapolated from an earlier one, less CLOCKS_S. Raises PermissionMissing or StripeUnreachable if neither is known.
    """
    try:
        return events.ask_for_one()
    except (PermissionMissing, StripeUnreachable) as error:
        if error.refusal is not None and error.refusal.date_unix is not None:
            return error.refusal.date_unix
        now_unix = events.client.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise
        return int(now_unix) - CLOCKS_S
