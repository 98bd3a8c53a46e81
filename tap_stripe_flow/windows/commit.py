"""From what was read to what is new, and to the bookmark once that is out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.bookmark import Bookmark
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.reader import Drained


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What is new in a window, oldest first, and the bookmark once that is out; None: more of the window follows.

    Not `is_whole` where the bookmark could not remember all of it; what lies behind must then wait, too.
    """

    window: Window
    new: Sequence[ListedRecord]
    bookmark: Bookmark | None
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Committer:
    """How late an object may appear, and how many ids the state may still take."""

    overlap_s: int
    most_ids: int

    def of(self, windows: Iterator[Drained], bookmark: Bookmark) -> Iterator[Committed]:
        """`windows` one by one, up to the last that can be remembered."""
        for drained in windows:
            for closed in self._parts(drained, bookmark):
                yield closed
                bookmark = closed.bookmark or bookmark
                if not closed.is_whole:
                    return  # so much is new that the rest must wait until it is settled

    def _parts(self, drained: Drained, bookmark: Bookmark) -> Iterator[Committed]:
        if drained.rest is None:
            yield self._close(drained, bookmark)
        elif drained.window.end <= drained.date_unix - self.overlap_s:
            yield from self._page_by_page(drained, bookmark)
        else:
            yield self._close(self._collected(drained, bookmark.room(self.most_ids)), bookmark)

    def _close(self, drained: Drained, bookmark: Bookmark) -> Committed:
        """The window, or as much of it as can be remembered; nothing new where not even a second fits."""
        settled = drained.date_unix - self.overlap_s
        reach = bookmark.reach(drained.window, drained.found, settled, self.most_ids)
        if reach == drained.window.start:
            return Committed(window=drained.window, new=[], bookmark=bookmark, is_whole=False)
        closed = Window(start=drained.window.start, end=reach)
        return Committed(
            window=closed,
            new=[e for e in reversed(drained.found) if e.created < reach and not bookmark.knows(e.id)],
            bookmark=bookmark.after(closed, [each for each in drained.found if each.created < reach], settled),
            is_whole=reach == drained.window.end,
        )

    def _page_by_page(self, drained: Drained, bookmark: Bookmark) -> Iterator[Committed]:
        """A second that holds too much for a buffer, and that needs no memory since it is settled."""
        met: list[ObjectKey] = []
        for found in itertools.chain([drained.found], (page.found() for page in drained.rest or ())):
            met += [ObjectKey(id=each.id, created=each.created) for each in found if bookmark.knows(each.id)]
            new = [each for each in found if not bookmark.knows(each.id)]
            yield Committed(window=drained.window, new=new, bookmark=None)
        after = bookmark.after(drained.window, met, drained.date_unix - self.overlap_s)
        yield Committed(window=drained.window, new=[], bookmark=after)

    def _collected(self, drained: Drained, room: int) -> Drained:
        """All of a second that is not settled yet, or enough of it to see that it cannot be remembered."""
        found = list(drained.found)
        for page in drained.rest or ():
            found += page.found()
            if len(found) > room:
                break
        return replace(drained, found=found, rest=None)
