"""`capture: changes`: what is new and what has changed since, so that the last record of every object is as it is now.

    new         the list, as under `capture: new`
    changed     the events since the last run; the objects that they name are read
    gap         where events were not followed, or Stripe keeps the next ones no more: objects once more

After a gap the events start over from the oldest that Stripe surely keeps, and they come before the objects: what is
read again then needs no event from before, and a run that was killed inside the gap goes on where it was.

New objects always come from the list: an event of an object that the list has not shown yet is left to the list.
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
EVENTS_KEPT_S = 30 * DAY_S
# The oldest events that are kept may be gone with the next request: after a gap they start so much later, and a run
# that follows soon does not find a gap again.
EVENTS_EDGE_S = 600
# How many changed objects are read at a time, and how many new ones are remembered to have been read just now.
MOST_PENDING = 1_000
MOST_FRESH = 10_000


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The events of a kind of object, and how many days of objects to read again when some of them are gone."""

    events: Listing
    reader: EventReader
    gap_days: int
    warn: Callable[[str], None]


class ChangeCapture:
    """What is new of a task, and what has changed."""

    def __init__(self, task: Task, feed: Feed) -> None:
        self._task = task
        self._feed = feed
        self._new_objects = NewObjectCapture(task)
        self._fresh: dict[str, int] = {}
        self._listed_before = task.keeper.stream_state.listed

    def batches(self) -> Iterator[Batch]:
        """Raises StripeError; where it is the events that cannot be read, not before all that is new is out."""
        stream_state = self._task.keeper.stream_state
        if stream_state.events is None and stream_state.listed is None:
            yield Batch(state=self._task.keeper.take(events=Bookmark.at(before_anything(self._feed.events))))
        listed = self._task.keeper.stream_state.listed
        for batch in self._new_objects.batches():
            self._note_fresh(batch.records)
            yield batch
        if listed is not None and self._is_gap():
            yield self._begin_gap(listed.end)
        yield from self._changed()
        yield from self._gap()

    def _is_gap(self) -> bool:
        """Whether events are missing that nobody has read."""
        known, now = self._task.keeper.stream_state.events, self._new_objects.now
        if now is None:  # a range that has ended needs no list request, so nobody has asked for the time
            now = self._feed.events.ask_for_one()
        return known is None or now - known.reread_from > EVENTS_KEPT_S

    def _begin_gap(self, listed_until: int) -> Batch:
        """What may have changed unseen is read again; of what is older, what Stripe's events still tell."""
        stream_state, now = self._task.keeper.stream_state, self._feed.events.ask_for_one()
        start = max(self._new_objects.span.start or OLDEST, now - self._feed.gap_days * DAY_S)
        if stream_state.gap is not None:
            start = min(start, stream_state.gap.start)
        why = (
            "capture was new until now, so no events were followed"
            if stream_state.events is None
            else "the next events are older than the 30 days for which Stripe keeps them"
        )
        self._feed.warn(
            f"{why}: objects created in the last {self._feed.gap_days} days (setting events_gap_days) are read again, "
            "and older ones that changed in the last 30 days; what changed before that may have been missed"
        )
        gap = Window(start=start, end=listed_until) if start < listed_until else None
        kept = Bookmark.at(now - EVENTS_KEPT_S + EVENTS_EDGE_S)
        return Batch(state=self._task.keeper.take(events=kept, gap=gap))

    def _gap(self) -> Iterator[Batch]:
        gap = self._task.keeper.stream_state.gap
        if gap is None:
            return
        for drained in self._task.windows(self._task.listing, gap.start, gap.end):
            for page in drained.rest or ():
                yield Batch(records=page.found(), window=drained.window, until=gap.end)
            left = Window(start=drained.window.end, end=gap.end) if drained.window.end < gap.end else None
            yield Batch(
                records=drained.found[::-1],
                state=self._task.keeper.take(gap=left),
                window=drained.window,
                until=gap.end,
            )

    def _changed(self) -> Iterator[Batch]:
        stream_state = self._task.keeper.stream_state
        bookmark = stream_state.events or Bookmark.at(OLDEST)
        windows = self._task.windows(self._feed.events, bookmark.reread_from, None)
        pending = ChangeSet()
        for closed in self._task.committer(stream_state.listed).of(windows, bookmark):
            pending = pending.joined(self._feed.reader.change_set(closed.new))
            bookmark = closed.bookmark or bookmark
            if closed.bookmark and len(pending) >= MOST_PENDING:
                yield self._as_they_are_now(pending, bookmark)
                pending = ChangeSet()
        yield self._as_they_are_now(pending, bookmark)

    def _as_they_are_now(self, change_set: ChangeSet, bookmark: Bookmark) -> Batch:
        listing, kind, prefetch = self._task.listing, self._feed.reader.kind, self._task.prefetch
        wanted = [each for each in change_set.of_objects() if self._is_wanted(each)]
        records = list(reread(listing, kind, wanted, prefetch))
        for touch, found in reread_parents(listing, kind, change_set.of_parts_alone(), prefetch):
            change = Change(id=touch.id, created=found.created, at=touch.at, is_deleted=False)
            if self._is_wanted(change):
                wanted.append(change)
                records.append(found)
        records += self._lost(
            change_set.child_changes[each.id] for each in wanted if each.id in change_set.child_changes
        )
        return Batch(records=records, state=self._task.keeper.take(events=bookmark))

    def _lost(self, child_changes: Iterable[ChildChange]) -> Iterator[ListedRecord]:
        for touch in child_changes:
            for kind, part_id in sorted(touch.lost):
                yield self._task.listing.deleted(part_id, kind, touch.at, of=touch.id)

    def _is_wanted(self, change: Change) -> bool:
        """Whether it was emitted before, and not just now in the state that the change left behind.

        The list does not show what was deleted, and what it does not show it forgets: so a deletion always counts.
        """
        listed = self._task.keeper.stream_state.listed
        if listed is None or not self._new_objects.span.holds(change.created):
            return False
        was_known = change.is_deleted or (self._listed_before is not None and self._listed_before.knows(change.id))
        read_at = self._fresh.get(change.id)
        is_fresh = read_at is not None and change.at + CLOCKS_S < read_at
        return (was_known or listed.has_passed(change.id, change.created)) and not is_fresh

    def _note_fresh(self, records: Iterable[Record]) -> None:
        self._fresh |= {each.id: each.read_at for each in records}
        for object_id in list(self._fresh)[: max(0, len(self._fresh) - MOST_FRESH)]:
            del self._fresh[object_id]


def before_anything(events: Listing) -> int:
    """Stripe's time. What refuses the events tells it, too, and they may be had later."""
    try:
        return events.ask_for_one()
    except (PermissionMissing, StripeUnreachable) as error:
        if error.refusal is not None and error.refusal.date_unix is not None:
            return error.refusal.date_unix
        now_unix = events.client.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise
        return int(now_unix) - CLOCKS_S
