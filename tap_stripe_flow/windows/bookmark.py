"""How far a list has been read: pure values, written only when a window is closed.

    end                     all that was created before it has been emitted, but for what was not visible yet
    reread_from             the next run lists from here, since objects may appear late
    ids                     what was emitted of the time since `reread_from`, so that it is not emitted twice

An object may become visible some seconds after its `created` stamp. With t = Stripe's time, what was created before
t minus overlap is settled and needs no memory: a backfill's state carries no ids at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeGuard

from stripe_flow.api.errors import StripeFlowError
from tap_stripe_flow.windows.plan import Window

# Thirty bytes each in a STATE message, which should stay under 300 KB with all streams and accounts in it.
MOST_IDS = 9_000


# The year 10000 in seconds; milliseconds of today lie beyond it.
_NEVER = 253_402_300_800


class UnusableState(StripeFlowError):
    """What the state says of one stream and account cannot be gone on from; others may."""


class Seen(Protocol):
    """An object of a drained window, as far as a bookmark needs to know it."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Names:
    """Under which names the state keeps a bookmark."""

    end: str
    reread_from: str
    ids: str


LISTED = Names(end="replication_key_value", reread_from="reread_from", ids="emitted_ids")
EVENTS = Names(end="events_through", reread_from="events_reread_from", ids="events_ids")


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """See the module. All times are Unix seconds by Stripe's clock.

    What was emitted since `reread_from` is known in two forms: `recalled` are the ids of the last run's state, whose
    stamps nobody noted, except that they lie before `recalled_until`; `recent` are this run's, with their stamps.
    """

    end: int
    reread_from: int
    recalled: frozenset[str] = frozenset()
    recalled_until: int = 0
    recent: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, start: int) -> Bookmark:
        """A stream that was never read, to be read from `start`."""
        return cls(end=start, reread_from=start)

    @classmethod
    def from_state(cls, state: Mapping[str, object], names: Names, *, start: int, stream: str) -> Bookmark | None:
        """The bookmark in the SDK's dictionary of a stream, not before `start`; None where there is none.

        Raises UnusableState for one that another tap wrote.
        """
        end = state.get(names.end)
        if end is None:
            return None
        reread_from, ids = state.get(names.reread_from, end), state.get(names.ids, [])
        if not (_is_unix(end) and _is_unix(reread_from)) or not isinstance(ids, list):
            raise UnusableState(
                f"the state of the stream {stream} is not one that this tap wrote: its {names.end} must be "
                "Unix seconds. Clear it (`meltano state clear`) and set start_date to where the old tap had come to"
            )
        known = frozenset(id_ for id_ in ids if isinstance(id_, str))
        return cls(
            end=max(end, start), reread_from=max(reread_from, start), recalled=known, recalled_until=max(end, start)
        )

    def to_state(self, names: Names) -> dict[str, object]:
        """The members of the SDK's dictionary; ids sorted, so that equal bookmarks are equal text."""
        return {names.end: self.end, names.reread_from: self.reread_from, names.ids: sorted(self.ids)}

    @property
    def ids(self) -> frozenset[str]:
        """What the state remembers one by one."""
        return self.recalled | self.recent.keys()

    def has_passed(self, object_id: str, created: int) -> bool:
        """Whether an object that exists has been emitted for sure, and not only will be."""
        return created < self.reread_from or self.knows(object_id)

    def knows(self, object_id: str) -> bool:
        """Whether an object was emitted before."""
        return object_id in self.recalled or object_id in self.recent

    def after(self, window: Window, seen: Sequence[Seen], settled: int) -> Bookmark:
        """The bookmark once all of `seen`, the whole of `window`, is out; `settled` is t minus overlap. Never back."""
        reread_from = self._reread_from(window, window.end, settled)
        recent = {**self.recent, **{each.id: each.created for each in seen}}
        still = frozenset[str]() if window.end >= self.recalled_until else self.recalled - {each.id for each in seen}
        return replace(
            self,
            end=max(self.end, window.end),
            reread_from=reread_from,
            recalled=still,
            recent={object_id: created for object_id, created in recent.items() if created >= reread_from},
        )

    def room(self, most_ids: int) -> int:
        """How many ids there may be. What an older state remembers beyond that is no reason to stay: it gets fewer."""
        return max(most_ids, len(self.ids))

    def reach(self, window: Window, seen: Sequence[Seen], settled: int, most_ids: int = MOST_IDS) -> int:
        """How far `window` may be closed so that no more than `most_ids` must be remembered; at most its end.

        A whole second; `window.start` where not even one more second fits.
        """
        room = self.room(most_ids)
        ordered = sorted(seen, key=lambda each: each.created)
        ends = {each.created for each in ordered if each.created >= settled} | {window.end, settled}
        for end in sorted((end for end in ends if window.start < end <= window.end), reverse=True):
            if self._needed(window, end, ordered, settled) <= room:
                return end
        return window.start

    def _needed(self, window: Window, end: int, seen: Sequence[Seen], settled: int) -> int:
        """How many ids the bookmark would hold if `window` were closed at `end`."""
        reread_from = self._reread_from(window, end, settled)
        inside = [each for each in seen if each.created < end]
        recent = {object_id for object_id, created in self.recent.items() if created >= reread_from}
        recent |= {each.id for each in inside if each.created >= reread_from}
        met = sum(each.id in self.recalled for each in inside)
        return len(recent) + (0 if end >= self.recalled_until else len(self.recalled) - met)

    def _reread_from(self, window: Window, end: int, settled: int) -> int:
        """Where the next run must begin. Windows are read at different times: what was not settled when an earlier
        one was read is not settled by a later one.
        """
        return self.reread_from if self.reread_from < window.start else min(end, max(window.start, settled))


def _is_unix(value: object) -> TypeGuard[int]:
    return type(value) is int and value < _NEVER
