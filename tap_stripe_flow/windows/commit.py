"""Decides when a window is closed ("committed"): its new records are written, and then the bookmark moves to its end.

`Committer` turns each drained window, oldest first, into new records and the bookmark after them:

- `_commit` asks `Bookmark.commit_end` how far the window can be committed. That is its end, unless the state would have
  to remember more ids than it may. Then the window is committed up to an earlier whole second (`is_whole` False),
  nothing behind it is read, and the next run goes on from there.
- `Bookmark.after` is the bookmark once the window's records are written.
- `Engine` (`tap_stripe_flow/stream.py`) writes the records first, then the STATE with that bookmark. So a kill at any
  moment loses nothing, and repeats at most one window per stream and account.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.bookmark import Bookmark
from tap_stripe_flow.windows.id_pool import IdShare
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.reader import DrainedWindow


@dataclass(frozen=True, kw_only=True)
class Committed:
    """New records of a window, oldest first, and the bookmark once they are written.

    - `bookmark` is None while more of the window follows: the window is not committed yet.
    - `is_whole` is False where the window was committed up to an earlier second; nothing behind it may be committed.
    """

    window: Window
    new: Sequence[ListedRecord]
    bookmark: Bookmark | None
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Committer:
    """Commits windows under two limits.

    - `overlap_s` is how many seconds after its `created` an object may still become visible.
    - `ids` is how many ids the bookmark may hold.
    """

    overlap_s: int
    ids: IdShare

    def commit(self, windows: Iterator[DrainedWindow], bookmark: Bookmark) -> Iterator[Committed]:
        """Commit `windows`, oldest first, from `bookmark` on, until one cannot be committed whole."""
        for drained in windows:
            for committed in self._commit_parts(drained, bookmark):
                yield committed
                bookmark = committed.bookmark or bookmark
                if not committed.is_whole:
                    return  # the rest waits for a later run, when it is settled and needs no ids

    def _commit_parts(self, drained: DrainedWindow, bookmark: Bookmark) -> Iterator[Committed]:
        if drained.rest is None:
            yield self._commit(drained, bookmark)
        elif drained.window.end <= drained.date_unix - self.overlap_s:
            yield from self._commit_by_page(drained, bookmark)
        else:
            yield self._commit(self._collect(drained, bookmark), bookmark)

    def _commit(self, drained: DrainedWindow, bookmark: Bookmark) -> Committed:
        """The window, or as much of it as the state can remember; no records if not even one second fits."""
        settled = drained.date_unix - self.overlap_s
        with self.ids.limit() as most_ids:
            end = bookmark.commit_end(drained.window, drained.records, settled, most_ids)
            if end == drained.window.start:
                return Committed(window=drained.window, new=[], bookmark=bookmark, is_whole=False)
            window = Window(start=drained.window.start, end=end)
            after = bookmark.after(window, [each for each in drained.records if each.created < end], settled)
            self.ids.hold(len(after.ids))
        return Committed(
            window=window,
            new=[e for e in reversed(drained.records) if e.created < end and not bookmark.has_emitted(e.id)],
            bookmark=after,
            is_whole=end == drained.window.end,
        )

    def _commit_by_page(self, drained: DrainedWindow, bookmark: Bookmark) -> Iterator[Committed]:
        """A settled second with too many objects for a buffer; the state need not remember settled ids."""
        known: list[ObjectKey] = []
        for records in itertools.chain([drained.records], (page.records() for page in drained.rest or ())):
            known += [ObjectKey(id=each.id, created=each.created) for each in records if bookmark.has_emitted(each.id)]
            new = [each for each in records if not bookmark.has_emitted(each.id)]
            yield Committed(window=drained.window, new=new, bookmark=None)
        after = bookmark.after(drained.window, known, drained.date_unix - self.overlap_s)
        yield Committed(window=drained.window, new=[], bookmark=after)

    def _collect(self, drained: DrainedWindow, bookmark: Bookmark) -> DrainedWindow:
        """All records of a second that is not settled, or just more than the state may remember."""
        records = list(drained.records)
        with self.ids.limit() as limit:
            most_ids = bookmark.id_limit(limit)
        for page in drained.rest or ():
            records += page.records()
            if len(records) > most_ids:
                break
        return replace(drained, records=records, rest=None)
