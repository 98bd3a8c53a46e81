"""Decides which changed objects are emitted: those that the list does not bring, now or later."""

from __future__ import annotations

from collections.abc import Iterable

from tap_stripe_flow.capture.change_feed import Change, ChildChange
from tap_stripe_flow.capture.new_objects import NewObjectCapture
from tap_stripe_flow.listing.record import Record
from tap_stripe_flow.windows.bookmark import Bookmark
from tap_stripe_flow.windows.drain import CLOCKS_S
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StateKeeper

# How many new objects are remembered as read just now, so that their events do not cause a second read.
MOST_FRESH = 10_000


class Wanted:
    """The objects of a stream and account that its events may bring.

    `list_hides`: the list does not show all objects, so events also bring objects that it has never shown.
    """

    def __init__(self, new_objects: NewObjectCapture, keeper: StateKeeper, *, list_hides: bool) -> None:
        self._new_objects = new_objects
        self._keeper = keeper
        self._list_hides = list_hides
        self._before = keeper.stream_state.listed
        self._fresh: dict[str, int] = {}

    def note_read(self, records: Iterable[Record]) -> None:
        """Note that the list has brought these records in this run."""
        self._fresh |= {each.id: each.read_at for each in records}
        for object_id in list(self._fresh)[: max(0, len(self._fresh) - MOST_FRESH)]:
            del self._fresh[object_id]

    def is_fresh(self, change: Change | ChildChange) -> bool:
        """Whether the list has brought the object in this run, after the change."""
        read_at = self._fresh.get(change.id)
        return read_at is not None and change.at + CLOCKS_S < read_at

    def may_hold(self, change: Change) -> bool:
        """Whether the object is to be read, by what its event says.

        A deletion counts as emitted before: the list no longer shows the object, and the bookmark forgets such ids.
        """
        if self.is_fresh(change) or (change.created is not None and self._is_after_end(change.created)):
            return False
        return change.created is None or change.is_deleted or self.holds(change.id, change.created)

    def holds(self, object_id: str, created: int) -> bool:
        """Whether to emit an object with this creation time in Unix seconds; 0 for a deleted object.

        `start_date` does not bound it: what was created earlier is not listed, but may change.
        """
        if self._is_after_end(created):
            return False
        was_emitted = self._before is not None and self._before.has_emitted(object_id)
        listed = self._keeper.stream_state.listed or Bookmark.at(self._new_objects.span.start or OLDEST)
        return self._list_hides or was_emitted or listed.covers(object_id, created)

    def _is_after_end(self, created: int) -> bool:
        end = self._new_objects.span.end
        return end is not None and created >= end
