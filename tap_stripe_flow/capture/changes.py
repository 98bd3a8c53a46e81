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

from stripe_flow.api.errors import RightMissing, StripeUnreachable
from tap_stripe_flow.capture.change_feed import Change, News, Telling, Touch
from tap_stripe_flow.capture.new_objects import Task, Trigger
from tap_stripe_flow.capture.reread import reread, touched
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.record import Found, Record
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
    telling: Telling
    gap_days: int
    warn: Callable[[str], None]


class Replica:
    """What is new of a task, and what has changed."""

    def __init__(self, task: Task, feed: Feed) -> None:
        self._task = task
        self._feed = feed
        self._trigger = Trigger(task)
        self._fresh: dict[str, int] = {}
        self._listed_before = task.notes.memory.listed

    def batches(self) -> Iterator[Batch]:
        """Raises StripeError; where it is the events that cannot be read, not before all that is new is out."""
        memory = self._task.notes.memory
        if memory.events is None and memory.listed is None:
            yield Batch(state=self._task.notes.take(events=Bookmark.at(before_anything(self._feed.events))))
        listed = self._task.notes.memory.listed
        for batch in self._trigger.batches():
            self._note_fresh(batch.records)
            yield batch
        if listed is not None and self._is_gap():
            yield self._begin_gap(listed.end)
        yield from self._changed()
        yield from self._gap()

    def _is_gap(self) -> bool:
        """Whether events are missing that nobody has read."""
        known, now = self._task.notes.memory.events, self._trigger.now
        if now is None:  # a range that has ended needs no list request, so nobody has asked for the time
            now = self._feed.events.ask_for_one()
        return known is None or now - known.reread_from > EVENTS_KEPT_S

    def _begin_gap(self, listed_until: int) -> Batch:
        """What may have changed unseen is read again; of what is older, what Stripe's events still tell."""
        memory, now = self._task.notes.memory, self._feed.events.ask_for_one()
        start = max(self._trigger.span.start or OLDEST, now - self._feed.gap_days * DAY_S)
        if memory.gap is not None:
            start = min(start, memory.gap.start)
        why = (
            "capture was new until now, so no events were followed"
            if memory.events is None
            else "the next events are older than the 30 days for which Stripe keeps them"
        )
        self._feed.warn(
            f"{why}: objects created in the last {self._feed.gap_days} days (setting events_gap_days) are read again, "
            "and older ones that changed in the last 30 days; what changed before that may have been missed"
        )
        gap = Window(start=start, end=listed_until) if start < listed_until else None
        kept = Bookmark.at(now - EVENTS_KEPT_S + EVENTS_EDGE_S)
        return Batch(state=self._task.notes.take(events=kept, gap=gap))

    def _gap(self) -> Iterator[Batch]:
        gap = self._task.notes.memory.gap
        if gap is None:
            return
        for drained in self._task.windows(self._task.listing, gap.start, gap.end):
            for page in drained.rest or ():
                yield Batch(records=page.found(), window=drained.window, until=gap.end)
            left = Window(start=drained.window.end, end=gap.end) if drained.window.end < gap.end else None
            yield Batch(
                records=drained.found[::-1], state=self._task.notes.take(gap=left), window=drained.window, until=gap.end
            )

    def _changed(self) -> Iterator[Batch]:
        memory = self._task.notes.memory
        bookmark = memory.events or Bookmark.at(OLDEST)
        windows = self._task.windows(self._feed.events, bookmark.reread_from, None)
        pending = News()
        for closed in self._task.closing(memory.listed).of(windows, bookmark):
            pending = pending.joined(self._feed.telling.news(closed.new))
            bookmark = closed.bookmark or bookmark
            if closed.bookmark and len(pending) >= MOST_PENDING:
                yield self._as_they_are_now(pending, bookmark)
                pending = News()
        yield self._as_they_are_now(pending, bookmark)

    def _as_they_are_now(self, news: News, bookmark: Bookmark) -> Batch:
        listing, kind, ahead = self._task.listing, self._feed.telling.kind, self._task.ahead
        wanted = [each for each in news.of_objects() if self._is_wanted(each)]
        records = list(reread(listing, kind, wanted, ahead))
        for touch, found in touched(listing, kind, news.of_parts_alone(), ahead):
            change = Change(id=touch.id, created=found.created, at=touch.at, is_deleted=False)
            if self._is_wanted(change):
                wanted.append(change)
                records.append(found)
        records += self._lost(news.touches[each.id] for each in wanted if each.id in news.touches)
        return Batch(records=records, state=self._task.notes.take(events=bookmark))

    def _lost(self, touches: Iterable[Touch]) -> Iterator[Found]:
        for touch in touches:
            for kind, part_id in sorted(touch.lost):
                yield self._task.listing.deleted(part_id, kind, touch.at, of=touch.id)

    def _is_wanted(self, change: Change) -> bool:
        """Whether it was emitted before, and not just now in the state that the change left behind.

        The list does not show what was deleted, and what it does not show it forgets: so a deletion always counts.
        """
        listed = self._task.notes.memory.listed
        if listed is None or not self._trigger.span.holds(change.created):
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
    except (RightMissing, StripeUnreachable) as error:
        if error.refusal is not None and error.refusal.date_unix is not None:
            return error.refusal.date_unix
        now_unix = events.client.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise
        return int(now_unix) - CLOCKS_S
