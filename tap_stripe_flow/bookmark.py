"""What the tap remembers of one stream between runs: pure values, written only when a window is closed.

    replication_key_value   all that was created before it has been emitted, but for what was not visible yet
    reread_from             the next run lists from here, since objects may appear late
    emitted_ids             what was emitted of the time since `reread_from`, so that it is not emitted twice

An object may become visible some seconds after its `created` stamp. With t = Stripe's time, what was created before
t minus overlap is settled and needs no memory: a backfill's state carries no ids at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.windows import Window

# Thirty bytes each in a STATE message: 300 KB at the most, and beyond that Meltano's state would crawl.
MOST_IDS = 10_000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An object of a drained window."""

    id: str
    created: int


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """See the module. All times are Unix seconds by Stripe's clock; ids belong to objects created before `end`."""

    end: int
    reread_from: int
    emitted_ids: frozenset[str] = frozenset()

    @classmethod
    def at(cls, start: int) -> Bookmark:
        """A stream that was never read, to be read from `start`."""
        return cls(end=start, reread_from=start)

    @classmethod
    def from_state(cls, state: Mapping[str, object], *, start: int, stream: str) -> Bookmark:
        """The bookmark in the SDK's dictionary of a stream, not before `start`.

        Raises Misconfigured for a state that another tap wrote.
        """
        end = state.get("replication_key_value")
        if end is None:
            return cls.at(start)
        reread_from, ids = state.get("reread_from", end), state.get("emitted_ids", [])
        if type(end) is not int or type(reread_from) is not int or not isinstance(ids, list):
            raise Misconfigured(
                f"the state of the stream {stream} is not one that this tap wrote: its replication_key_value must be "
                "Unix seconds. Clear it (`meltano state clear`) and set start_date to where the old tap had come to"
            )
        known = frozenset(id_ for id_ in ids if isinstance(id_, str))
        return cls(end=max(end, start), reread_from=max(reread_from, start), emitted_ids=known)

    def to_state(self) -> dict[str, object]:
        """The members of the SDK's dictionary; ids sorted, so that equal bookmarks are equal text."""
        return {
            "replication_key_value": self.end,
            "reread_from": self.reread_from,
            "emitted_ids": sorted(self.emitted_ids),
        }

    def after(self, window: Window, seen: Sequence[Seen], settled: int) -> Bookmark:
        """The bookmark once all of `seen`, the whole of `window`, is out; `settled` is t minus overlap. Never back."""
        reread_from = max(self.reread_from, min(window.end, settled))
        kept = {each.id for each in seen if each.created >= reread_from}
        return Bookmark(
            end=max(self.end, window.end), reread_from=reread_from, emitted_ids=self._unseen(window, seen) | kept
        )

    def reach(self, window: Window, seen: Sequence[Seen], settled: int) -> int:
        """How far `window` may be closed so that no more than MOST_IDS must be remembered; at most its end.

        A whole second; `window.start` where not even one more second fits.
        """
        room = MOST_IDS - len(self._unseen(window, seen))
        recent = sorted(each.created for each in seen if each.created >= settled)
        return window.end if len(recent) <= room else max(window.start, recent[max(0, room)])

    def _unseen(self, window: Window, seen: Sequence[Seen]) -> frozenset[str]:
        """Ids that later windows of the run may still meet; once those are behind, what never came is forgotten."""
        if window.end >= self.end:
            return frozenset()
        return self.emitted_ids - {each.id for each in seen}
