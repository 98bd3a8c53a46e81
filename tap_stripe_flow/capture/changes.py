"""`capture: changes`: new objects, and objects that changed or were deleted since the last run.

    new objects     the list, as under `capture: new`
    changes         the events since the last run; the tap reads the objects that they name, whatever their age
    gap             after events were missed: objects of the last `events_gap_days` days are read again

After a gap, events are read from the oldest that Stripe surely keeps, before the objects of the gap. So these objects
need no older event, and a run that is killed inside the gap goes on where it stopped.

New objects come from the list: an event of an object that the list has not shown yet is ignored. Only where the list
hides objects (`Feed.list_hides`) events bring those too. A deletion is emitted once a read has confirmed it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stripe_flow.api.errors import StripeError, UnreadableAnswer
from tap_stripe_flow.capture.change_feed import ChangeSet, EventReader
from tap_stripe_flow.capture.deleted_children import with_deleted_children
from tap_stripe_flow.capture.event_groups import Types
from tap_stripe_flow.capture.gap import read_gap
from tap_stripe_flow.capture.new_objects import NewObjectCapture, Task, stripe_unix
from tap_stripe_flow.capture.reread import Objects, reread, reread_unplaced
from tap_stripe_flow.capture.shared_events import EventShare
from tap_stripe_flow.capture.wanted import Wanted
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.bookmark import EVENTS, Bookmark
from tap_stripe_flow.windows.drain import CLOCKS_S
from tap_stripe_flow.windows.plan import DAY_S, OLDEST, Window
from tap_stripe_flow.windows.reader import DrainedWindow

# Stripe keeps events for 30 days: https://docs.stripe.com/api/events/list
EVENTS_KEPT_S = 30 * DAY_S
# After a gap, events are read from this much later than the oldest that Stripe keeps: Stripe may drop older ones before
# the next request, and a run that follows soon must not find a gap again.
EVENTS_EDGE_S = 600
# Events that are nearer to the 30 days than this may be missing in an answer.
EVENTS_MARGIN_S = EVENTS_EDGE_S // 2
# How many changes make a batch.
MOST_PENDING = 1_000


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The events of a stream.

    - `events` lists them, of the event types `types`; `reader` finds the changes in them.
    - `share` is what the stream reads of them together with other streams.
    - `gap_days` is how many days of objects to read again after a gap (setting `events_gap_days`).
    - `list_hides`: the list does not show all objects, so events also bring objects that it has never shown.
    - `list_member` is the member of a parent object with the child objects; None: there are no child objects in it.
    - `warn` is called with the message when there is a gap.
    """

    events: Listing
    types: Types
    reader: EventReader
    gap_days: int
    warn: Callable[[str], None]
    share: EventShare = field(default_factory=EventShare)
    list_hides: bool = False
    list_member: str | None = None


class ChangeCapture:
    """Reads the new, changed and deleted objects of a task."""

    def __init__(self, task: Task, feed: Feed) -> None:
        self._task = task
        self._feed = feed
        self._new_objects = NewObjectCapture(task)
        self._listed_before = task.keeper.stream_state.listed
        self._wanted = Wanted(self._new_objects, task.keeper, list_hides=feed.list_hides)
        self._has_begun_gap = False
        self._objects = Objects(task.listing, feed.reader.kind)
        self._unnamed: list[str] = []

    def batches(self) -> Iterator[Batch]:
        """New objects first, then changes, then the objects of a gap.

        Raises StripeError; if only the events cannot be read, after all new objects. At the end, the error of a
        changed object that cannot be read, or UnreadableAnswer for events that do not say which object changed.
        """
        stream_state = self._task.keeper.stream_state
        if stream_state.events is None and stream_state.listed is None:
            yield self._begin()
        for batch in self._new_objects.batches():
            self._wanted.note_read(batch.records)
            yield batch
        if self._listed_before is not None and self._is_gap():
            yield self._begin_gap(self._listed_before.end)
        yield from self._changes()
        yield from read_gap(self._task)
        if self._objects.unread:
            raise self._objects.unread[0]
        if self._unnamed:
            raise UnreadableAnswer(
                f"{len(self._unnamed)} of Stripe's events do not say which object changed, the first is "
                f"{self._unnamed[0]}: all other changes were read, and the next run reads from that event again"
            )

    def _begin(self) -> Batch:
        """Note Stripe's time before anything is read, also as the start of `start_date: now`."""
        keeper, events = self._task.keeper, self._feed.events
        now = self._feed.share.begun_at.get(lambda: stripe_time(events))
        starts_now = self._task.span.start is None and keeper.stream_state.started_at is None
        started_at = now if starts_now else keeper.stream_state.started_at
        return Batch(state=keeper.update(events=Bookmark.at(now), started_at=started_at), at_once=True)

    def _is_gap(self) -> bool:
        """Whether Stripe no longer keeps some of the events that come next, or events were never read."""
        events, now = self._task.keeper.stream_state.events, self._new_objects.now
        if now is None:  # a range that has ended needs no list request, so Stripe's time is not known yet
            now = self._feed.events.ask_for_one()
        return events is None or _is_lost(events.reread_from, now)

    def _begin_gap(self, listed_until: int) -> Batch:
        """Warn, and plan to read again the objects of `gap_days` and the events that Stripe still keeps."""
        stream_state, now = self._task.keeper.stream_state, self._feed.events.ask_for_one()
        reason = (
            "earlier runs had capture: new, so they read no events"
            if stream_state.events is None
            else "the next events are older than the 30 days for which Stripe keeps them"
        )
        self._feed.warn(
            f"{reason}: objects created in the last {self._feed.gap_days} days (setting events_gap_days) are read "
            "again, and older ones that changed in the last 30 days; earlier changes of older objects may be missing"
        )
        gap = self._plan_gap(now - self._feed.gap_days * DAY_S, listed_until)
        events = Bookmark.at(now - EVENTS_KEPT_S + EVENTS_EDGE_S)
        return Batch(state=self._task.keeper.update(events=events, gap=gap))

    def _plan_gap(self, start: int, end: int) -> Window | None:
        """What is to be read again: from `start` to `end`, and what an earlier gap has left."""
        self._has_begun_gap = True
        gap, start = self._task.keeper.stream_state.gap, max(self._new_objects.span.start or OLDEST, start)
        if gap is not None:
            start = min(start, gap.start)
        return Window(start=start, end=end) if start < end else None

    def _without_gap(self, windows: Iterator[DrainedWindow]) -> Iterator[DrainedWindow]:
        """`windows` of the events; where some became older than 30 days during the run, all objects are read again.

        The state with the gap is written no later than that of the events of such a window.
        """
        for drained in windows:
            before = self._listed_before
            if before and not self._has_begun_gap and _is_lost(drained.window.start, drained.last_date_unix):
                self._feed.warn(
                    "events became older than the 30 days for which Stripe keeps them while this run was reading, so "
                    "what they changed is not known: all objects from start_date on are read again"
                )
                self._task.keeper.update(gap=self._plan_gap(OLDEST, before.end))
            yield drained

    def _changes(self) -> Iterator[Batch]:
        stream_state = self._task.keeper.stream_state
        bookmark = stream_state.events or Bookmark.at(OLDEST)
        # After a gap, the events that Stripe may drop before the next request are read as long as it shows them.
        start = bookmark.reread_from - (EVENTS_EDGE_S if self._has_begun_gap else 0)
        windows = self._without_gap(self._feed.share.windows(self._events_of, self._feed.types, start))
        pending = ChangeSet()
        for committed in self._task.committer(EVENTS).commit(windows, bookmark):
            found = self._feed.reader.change_set(committed.new)
            self._unnamed += found.unnamed
            pending = pending.merge(found)
            if committed.bookmark and not self._unnamed:  # no bookmark passes an event that was not understood
                bookmark = committed.bookmark
            if committed.bookmark and len(pending) >= MOST_PENDING:
                yield self._reread(pending, bookmark)
                pending = ChangeSet()
        yield self._reread(pending, bookmark)

    def _events_of(self, types: Types, start: int) -> Iterator[DrainedWindow]:
        """The windows of the events of these types from `start` up to the present, oldest first."""
        events = replace(self._feed.events, filters={"types": sorted(types)})
        return self._task.windows(events, start, None)

    def _reread(self, change_set: ChangeSet, bookmark: Bookmark) -> Batch:
        """The objects of `change_set` as they are now; `bookmark` is that of the events."""
        objects, prefetch = self._objects, self._task.prefetch
        objects.listing.nested.begin_reread()
        wanted = [change for change in change_set.object_changes() if self._wanted.may_hold(change)]
        # Another object may have the id of a deleted one since, created at any time.
        placed = [change for change in wanted if change.created is not None and not change.is_deleted]
        records = list(reread(objects, placed, prefetch))
        deleted = {change.id for change in wanted if change.is_deleted and change.created is not None}
        parents = [change for change in change_set.child_changes_only() if not self._wanted.is_fresh(change)]
        unplaced = [change for change in wanted if change.created is None or change.is_deleted]
        records += [
            record
            for record in reread_unplaced(objects, [*unplaced, *parents], prefetch)
            if record.id in deleted or self._wanted.holds(record.id, record.created)
        ]
        gone = frozenset(record.id for record in records if not record.created)  # deleted ones have no creation time
        listed = self._task.keeper.stream_state.listed
        records = with_deleted_children(
            objects.listing, self._feed.list_member or "", records, change_set.child_changes, prefetch
        )
        # No bookmark passes the event of an object that could not be read.
        events = self._task.keeper.stream_state.events if objects.unread else bookmark
        state = self._task.keeper.update(events=events, listed=listed.without(gone) if listed else None)
        return Batch(records=records, state=state)


def _is_lost(created: int, now: int) -> bool:
    """Whether Stripe may no longer keep an event of `created` at `now`, its time; both in Unix seconds."""
    return now - created > EVENTS_KEPT_S - EVENTS_MARGIN_S


def stripe_time(events: Listing) -> int:
    """Stripe's time in Unix seconds before anything is read, from a request for one event.

    A refusal also has the time; then events may be read in a later run. Without an answer the time is extrapolated
    from an earlier one, less CLOCKS_S. Raises StripeError if neither is known.
    """
    begun_s = time.monotonic()
    try:
        return events.ask_for_one()
    except StripeError as error:
        now = stripe_unix(events.client, begun_s)
        if now is None:
            raise
        return now if error.refusal else now - CLOCKS_S
