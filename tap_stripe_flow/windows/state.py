"""What the state holds of one stream and account: pure.

replication_key_value, reread_from, emitted_ids     how far the list was read (see `bookmark`)
events_through, events_reread_from, events_ids      the same of the events, under `capture: changes`
gap_from, gap_until                                 what is still to be read again after a gap in the events
started_at                                          where `start_date: now` began
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tap_stripe_flow.windows.bookmark import EVENTS, LISTED, Bookmark
from tap_stripe_flow.windows.plan import Window

CURSOR = "created"


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """See the module. `listed` is None before the first window was closed."""

    listed: Bookmark | None = None
    events: Bookmark | None = None
    gap: Window | None = None
    started_at: int | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, object], *, start: int, stream: str) -> StreamState:
        """Nothing of it lies before `start`. Raises UnusableState for one that another tap wrote."""
        gap_from, gap_until = (_unix(state, name) for name in ("gap_from", "gap_until"))
        is_gap = gap_from is not None and gap_until is not None and gap_from < gap_until
        return cls(
            listed=Bookmark.from_state(state, LISTED, start=start, stream=stream),
            events=Bookmark.from_state(state, EVENTS, start=start, stream=stream),
            gap=Window(start=gap_from, end=gap_until) if is_gap else None,  # type: ignore[arg-type]  # checked above
            started_at=_unix(state, "started_at"),
        )

    def to_state(self) -> dict[str, object]:
        """The members of the SDK's dictionary."""
        members: dict[str, object] = {"replication_key": CURSOR} if self.listed else {}
        members |= self.listed.to_state(LISTED) if self.listed else {}
        members |= self.events.to_state(EVENTS) if self.events else {}
        members |= {"gap_from": self.gap.start, "gap_until": self.gap.end} if self.gap else {}
        return members | ({} if self.started_at is None else {"started_at": self.started_at})


class StateKeeper:
    """The memory of one stream and account while it is being read."""

    def __init__(self, stream_state: StreamState) -> None:
        self.stream_state = stream_state

    def take(self, **parts: object) -> dict[str, object]:
        """Replace parts of the memory; the state from now on."""
        self.stream_state = replace(self.stream_state, **parts)  # type: ignore[arg-type]  # the parts of a Memory
        return self.stream_state.to_state()


def ids_held(state: Mapping[str, object]) -> int:
    """How many ids a whole state holds, in all streams and accounts: together they must stay few."""
    found = 0
    for name, part in state.items():
        if name in {LISTED.ids, EVENTS.ids} and isinstance(part, list):
            found += len(part)
        for child in part if isinstance(part, list) else [part]:
            found += ids_held(child) if isinstance(child, Mapping) else 0
    return found


def _unix(state: Mapping[str, object], name: str) -> int | None:
    value = state.get(name)
    return value if type(value) is int else None
