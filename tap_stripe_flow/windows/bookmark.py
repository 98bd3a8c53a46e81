"""How far a list has been read: pure values, which change only when a window is committed (see `commit`).

    end             all visible objects created before it have been emitted
    reread_from     the next run lists from here, since objects may become visible late
    ids             the objects created since `reread_from` that have been emitted, so that they are not emitted twice

An object may become visible up to `overlap_s` after its `created`. With t = Stripe's time, objects created before
t - `overlap_s` are *settled*: all of them are visible, and their ids need not be remembered. So the state of a backfill
holds no ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeGuard

from stripe_flow.api.errors import StripeFlowError
from tap_stripe_flow.windows.id_pool import MOST_IDS
from tap_stripe_flow.windows.plan import Window

# The year 10000 in Unix seconds. Today's time in milliseconds is larger, so it is recognized as a wrong unit.
_TOO_LATE_UNIX = 253_402_300_800


class UnusableState(StripeFlowError):
    """The run cannot go on from the state of one stream and account. Other streams and accounts are read."""


class Keyed(Protocol):
    """An object of a window, as much as a bookmark needs: an ObjectKey or a ListedRecord."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class BookmarkMembers:
    """The names of a bookmark's members in the state."""

    end: str
    reread_from: str
    ids: str


LISTED = BookmarkMembers(end="replication_key_value", reread_from="reread_from", ids="emitted_ids")
EVENTS = BookmarkMembers(end="events_through", reread_from="events_reread_from", ids="events_ids")


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """`end` and `reread_from` as described above, and the ids; all times are Unix seconds by Stripe's clock.

    - `state_ids` are ids from the last run's state. Their creation times are not in it, but are before
      `state_ids_before`.
    - `run_ids` are the ids emitted in this run, with their creation times.
    """

    end: int
    reread_from: int
    state_ids: frozenset[str] = frozenset()
    state_ids_before: int = 0
    run_ids: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, start: int) -> Bookmark:
        """The bookmark of a list that is read for the first time, from `start` on."""
        return cls(end=start, reread_from=start)

    @classmethod
    def from_state(
        cls, state: Mapping[str, object], names: BookmarkMembers, *, start: int, stream: str
    ) -> Bookmark | None:
        """The bookmark in the SDK's dictionary, not earlier than `start`; None if it has none.

        Raises UnusableState for a bookmark that another tap wrote. `stream` is the name in its message.
        """
        end = state.get(names.end)
        if end is None:
            return None
        reread_from, ids = state.get(names.reread_from), state.get(names.ids)
        reread_from, ids = end if reread_from is None else reread_from, [] if ids is None else ids
        if not (_is_unix(end) and _is_unix(reread_from)) or not isinstance(ids, list):
            raise UnusableState(
                f"the state of the stream {stream} is not in this tap's format: its {names.end} must be Unix seconds. "
                "Clear it (`meltano state clear`) and set start_date to where reading should go on"
            )
        end, known = max(end, start), frozenset(id_ for id_ in ids if isinstance(id_, str))
        reread_from = min(max(reread_from, start), end)  # a `reread_from` behind the end would skip objects
        return cls(end=end, reread_from=reread_from, state_ids=known, state_ids_before=end)

    def to_state(self, names: BookmarkMembers) -> dict[str, object]:
        """The bookmark as members of the SDK's dictionary, without those that say nothing.

        Ids are sorted, so that equal bookmarks are equal text.
        """
        members: dict[str, object] = {names.end: self.end}
        members |= {names.reread_from: self.reread_from} if self.reread_from != self.end else {}
        return members | ({names.ids: sorted(self.ids)} if self.ids else {})

    @property
    def ids(self) -> frozenset[str]:
        """All ids that the state remembers."""
        return self.state_ids | self.run_ids.keys()

    def covers(self, object_id: str, created: int) -> bool:
        """Whether an object of the list has been emitted already, and not only will be."""
        return created < self.reread_from or self.has_emitted(object_id)

    def has_emitted(self, object_id: str) -> bool:
        """Whether the state or this run remembers that the object was emitted."""
        return object_id in self.state_ids or object_id in self.run_ids

    def without(self, ids: frozenset[str]) -> Bookmark:
        """The bookmark without these ids, so that an object that gets one of them again is new."""
        run_ids = {object_id: created for object_id, created in self.run_ids.items() if object_id not in ids}
        return replace(self, state_ids=self.state_ids - ids, run_ids=run_ids)

    def after(self, window: Window, objects: Sequence[Keyed], settled: int) -> Bookmark:
        """The bookmark once `objects`, all of `window`, are emitted; it never goes back.

        `settled` is Stripe's time - `overlap_s`, in Unix seconds.
        """
        reread_from = self._reread_from(window, window.end, settled)
        run_ids = {**self.run_ids, **{each.id: each.created for each in objects}}
        is_past = window.end >= self.state_ids_before
        return replace(
            self,
            end=max(self.end, window.end),
            reread_from=reread_from,
            state_ids=frozenset[str]() if is_past else self.state_ids - {each.id for each in objects},
            run_ids={object_id: created for object_id, created in run_ids.items() if created >= reread_from},
        )

    def id_limit(self, most_ids: int) -> int:
        """How many ids the bookmark may hold: `most_ids`, or as many as it holds now, since a commit removes ids."""
        return max(most_ids, len(self.ids))

    def commit_end(self, window: Window, objects: Sequence[Keyed], settled: int, most_ids: int = MOST_IDS) -> int:
        """The latest second up to which `window` can be committed with at most `most_ids` ids in the bookmark.

        At most `window.end`; `window.start` if not even one second fits. `settled` is Stripe's time - `overlap_s`.
        """
        limit = self.id_limit(most_ids)
        ordered = sorted(objects, key=lambda each: each.created)
        ends = {each.created for each in ordered if each.created >= settled} | {window.end, settled}
        for end in sorted((end for end in ends if window.start < end <= window.end), reverse=True):
            if self._count_ids_at(window, end, ordered, settled) <= limit:
                return end
        return window.start

    def _count_ids_at(self, window: Window, end: int, objects: Sequence[Keyed], settled: int) -> int:
        """How many ids the bookmark would hold if `window` were committed up to `end`."""
        reread_from = self._reread_from(window, end, settled)
        inside = [each for each in objects if each.created < end]
        run_ids = {object_id for object_id, created in self.run_ids.items() if created >= reread_from}
        run_ids |= {each.id for each in inside if each.created >= reread_from}
        met = sum(each.id in self.state_ids for each in inside)
        return len(run_ids) + (0 if end >= self.state_ids_before else len(self.state_ids) - met)

    def _reread_from(self, window: Window, end: int, settled: int) -> int:
        """Where the next run must list from; it stays where an earlier window of the run was not settled yet."""
        return self.reread_from if self.reread_from < window.start else min(end, max(window.start, settled))


def _is_unix(value: object) -> TypeGuard[int]:
    return type(value) is int and value < _TOO_LATE_UNIX
