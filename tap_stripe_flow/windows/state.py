"""The state of one stream and account, between the SDK's dictionary and typed values. Pure.

replication_key_value, reread_from, emitted_ids     how far the list was read (see `bookmark`)
events_through, events_reread_from, events_ids      how far the events were read, under `capture: changes`
gap_from, gap_until                                 the range still to be read again
reread_at                                           Stripe's time when the list was last read whole again
started_at                                          Stripe's time at the first run, under `start_date: now`
refused_parents                                     ids of parents whose children could not be read

A member that says nothing is left out: no ids, and a `reread_from` that is the end. A member that ended stays null, so
that a merge with an older state does not bring it back. Null is read like a member that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tap_stripe_flow.windows.bookmark import EVENTS, LISTED, Bookmark
from tap_stripe_flow.windows.plan import Window

CURSOR = "created"


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """The state's members as values; all times are Unix seconds.

    - `listed` is the bookmark of the list; None until the first window is committed.
    - `events` is the bookmark of the events; None while events have not been read.
    - `gap` is the range still to be read again, after a gap in the events or since `reread_at`; None if there is none.
    - `reread_at` is when the list was last read whole from its beginning; None where that is not done.
    - `started_at` is where `start_date: now` began; None without this setting.
    - `refused_parents` are the ids of the parents to ask again, the oldest refusal first (see
      `capture.refused_parents`).
    """

    listed: Bookmark | None = None
    events: Bookmark | None = None
    gap: Window | None = None
    reread_at: int | None = None
    started_at: int | None = None
    refused_parents: tuple[str, ...] = ()

    @classmethod
    def from_state(cls, state: Mapping[str, object], *, start: int, stream: str) -> StreamState:
        """Parse the SDK's dictionary; the list's bookmark is not earlier than `start`.

        Raises UnusableState for a state that another tap wrote. `stream` is the name in its message.
        """
        gap_from, gap_until = (_unix(state, name) for name in ("gap_from", "gap_until"))
        is_gap = gap_from is not None and gap_until is not None and gap_from < gap_until
        return cls(
            listed=Bookmark.from_state(state, LISTED, start=start, stream=stream),
            events=Bookmark.from_state(state, EVENTS, start=0, stream=stream),
            gap=Window(start=gap_from, end=gap_until) if is_gap else None,  # type: ignore[arg-type]  # checked above
            reread_at=_unix(state, "reread_at"),
            started_at=_unix(state, "started_at"),
            refused_parents=_texts(state, "refused_parents"),
        )

    def to_state(self) -> dict[str, object]:
        """The state as members of the SDK's dictionary."""
        members: dict[str, object] = {"replication_key": CURSOR} if self.listed else {}
        members |= self.listed.to_state(LISTED) if self.listed else {}
        members |= self.events.to_state(EVENTS) if self.events else {}
        members |= {"gap_from": self.gap.start, "gap_until": self.gap.end} if self.gap else {}
        members |= {} if self.reread_at is None else {"reread_at": self.reread_at}
        members |= {} if self.started_at is None else {"started_at": self.started_at}
        return members | ({"refused_parents": list(self.refused_parents)} if self.refused_parents else {})


def with_ends(members: Mapping[str, object], before: Mapping[str, object]) -> dict[str, object]:
    """`members`, and null for each member of `before` that they lack: it ended."""
    return {**members, **{name: None for name in before if name not in members}}


def left_out(members: Mapping[str, object]) -> list[str]:
    """The names of what the bookmarks in `members` leave out: no ids, or a `reread_from` that is the end.

    Also the names of the list's bookmark while only events have one: with an older one of the list, what changed
    between the two would not be read.
    """
    bookmarks = [names for names in (LISTED, EVENTS) if names.end in members]
    if EVENTS in bookmarks:
        bookmarks = [LISTED, EVENTS]
    every = [name for names in bookmarks for name in (names.end, names.reread_from, names.ids)]
    return [name for name in every if name not in members]


class StateKeeper:
    """Holds the state of one stream and account while it is being read."""

    def __init__(self, stream_state: StreamState) -> None:
        self.stream_state = stream_state

    def update(self, **members: object) -> dict[str, object]:
        """Replace these members of StreamState, and return the new state as members of the SDK's dictionary."""
        self.stream_state = replace(self.stream_state, **members)  # type: ignore[arg-type]  # members of StreamState
        return self.stream_state.to_state()


def _unix(state: Mapping[str, object], name: str) -> int | None:
    value = state.get(name)
    return value if type(value) is int else None


def _texts(state: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = state.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
