"""The events of each account, read once for the streams that read them together (see `event_groups`).

The first stream of a group that needs events reads the *head*: the windows from where the group's earliest stream goes
on, oldest first, up to the present or up to MOST_EVENTS. The others wait for it, and take from it what they have not
read themselves. What follows the head each stream reads on its own. So a stream's bookmark of the events never passes
what was read for it, and its objects are read after their events, as without sharing.

A stream may take a head that was read hours ago: the events since then come in the next run. Events of objects that its
list has not shown yet are ignored, since the list brings these objects.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Annotated, Generic, TypeAlias, TypeVar

import msgspec

from stripe_flow.api.errors import PermissionMissing, StripeError
from tap_stripe_flow.capture.event_groups import EventGroup, Follower, Types, event_groups
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.listing.refusals import is_of_one_object
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.reader import DrainedWindow

# How many events a head holds; compressed they take about 300 bytes each.
MOST_EVENTS = 5_000
# How many events all heads of a run hold together, whatever the number of accounts.
MOST_HELD = 50_000

# Reads the windows of the events of these types from a second on up to the present, oldest first.
Read: TypeAlias = Callable[[Types, int], Iterator[DrainedWindow]]
T = TypeVar("T")


class Once(Generic[T]):
    """A value that the first thread computes, and for which the others wait.

    A failure is raised to all that wait; the next one that asks computes it again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._future: Future[T] | None = None

    def get(self, compute: Callable[[], T]) -> T:
        """The value. Raises what `compute` raises."""
        with self._lock:
            known, future = self._future, self._future or Future[T]()
            self._future = future
        if known is not None:
            return known.result()
        try:
            value = compute()
        except BaseException as error:
            with self._lock:
                self._future = None
            future.set_exception(error)
            raise
        future.set_result(value)
        return value


class Room:
    """Counts the events that are held; at most `most`. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._most = self._left = most

    @property
    def held(self) -> int:
        """How many events are held."""
        return self._most - self._left

    def take(self, count: int) -> bool:
        """Whether there was room for so many more, which are held now."""
        with self._lock:
            has_room = count <= self._left
            self._left -= count if has_room else 0
        return has_room

    def give_back(self, count: int) -> None:
        """Note that so many are no longer held."""
        with self._lock:
            self._left += count


@dataclass(frozen=True, kw_only=True)
class Head:
    """The events of a group from `start` on: `windows`, oldest first, and the type of each of their records.

    `end` is where the streams read on, each on its own; None: the head goes up to the present.
    """

    start: int
    windows: Sequence[tuple[DrainedWindow, Sequence[str]]]
    end: int | None

    def windows_of(self, types: Types, start: int) -> Iterator[DrainedWindow]:
        """The windows from `start` on, with the events of `types`."""
        for drained, of_records in self.windows:
            window = drained.window
            if start < window.end:
                wanted = [
                    record
                    for record, each in zip(drained.records, of_records, strict=True)
                    if each in types and record.created >= start
                ]
                clipped = Window(start=max(start, window.start), end=window.end)
                yield replace(drained, window=clipped, records=wanted)


class HeadReader:
    """Reads the head of a group once; it is forgotten once all streams of the group have left."""

    def __init__(self, group: EventGroup, room: Room, most: int = MOST_EVENTS) -> None:
        self.since = group.since
        self._types = group.types
        self._most = most
        self._room = room
        self._head: Once[Head | None] = Once()
        self._held = 0
        self._lock = threading.Lock()
        self._staying = {each.stream for each in group.followers}

    def head(self, read: Read, start: int) -> Head | None:
        """The head; None if it cannot be shared. Raises StripeError.

        `start` is where the asking stream goes on, in Unix seconds; a group that begins in this run begins there.
        """
        return self._head.get(lambda: self._read(read, start if self.since is None else self.since))

    def leave(self, stream: str) -> None:
        """Note that this stream needs the head no longer."""
        with self._lock:
            self._staying.discard(stream)
            if not self._staying:
                self._head = Once()
                self._give_back()

    def _read(self, read: Read, start: int) -> Head | None:
        try:
            return self._take(read(self._types, start), start)
        except Exception as error:
            self._give_back()
            if isinstance(error, StripeError) and (isinstance(error, PermissionMissing) or not is_of_one_object(error)):
                raise
            # An answer that cannot be read may be about the events of one stream: each stream asks for its own.
            return None

    def _take(self, windows: Iterator[DrainedWindow], start: int) -> Head | None:
        taken: list[tuple[DrainedWindow, Sequence[str]]] = []
        for drained in windows:
            count = len(drained.records)
            # The pages of a second that is too full for a buffer can be read once only.
            if drained.rest is not None or self._held + count > self._most or not self._room.take(count):
                return Head(start=start, windows=taken, end=drained.window.start)
            self._held += count
            types = [_event_type(record) for record in drained.records]
            if not self._types.issuperset(types):  # it does not say to which stream it belongs: Stripe does
                self._give_back()
                return None
            taken.append((drained, types))
        return Head(start=start, windows=taken, end=None)

    def _give_back(self) -> None:
        held, self._held = self._held, 0
        self._room.give_back(held)


@dataclass(frozen=True, kw_only=True)
class EventShare:
    """What one stream shares with the others of its account; by default nothing.

    - `head` reads the head of its group; None: the stream reads its events on its own.
    - `begun_at` is Stripe's time at which the streams begin that were never read before.
    """

    stream: str = ""
    head: HeadReader | None = None
    begun_at: Once[int] = field(default_factory=Once)

    def windows(self, read: Read, types: Types, start: int) -> Iterator[DrainedWindow]:
        """The windows of the events of `types` from `start` on, oldest first. Raises StripeError."""
        head = None
        if self.head is not None and (self.head.since is None or start >= self.head.since):
            head = self.head.head(read, start)
        if head is None or start < head.start:
            yield from read(types, start)
            return
        yield from head.windows_of(types, start)
        if head.end is not None:
            yield from read(types, max(start, head.end))

    def leave(self) -> None:
        """Note that the stream has read its events, or has failed."""
        if self.head is not None:
            self.head.leave(self.stream)


class SharedEvents:
    """What the streams of a run share of the events of their accounts. Threads may share it once it is planned."""

    def __init__(self, most_events: int = MOST_EVENTS, most_held: int = MOST_HELD) -> None:
        self._shares: dict[tuple[str, str | None], EventShare] = {}
        self._most_events = most_events
        self._room = Room(most_held)

    def plan(self, followers: Iterable[Follower]) -> None:
        """Plan who reads with whom, from the streams and accounts of the run and its state at its start."""
        by_account: defaultdict[str | None, list[Follower]] = defaultdict(list)
        for each in followers:
            by_account[each.account].append(each)
        for of_account in by_account.values():
            begun_at = Once[int]()
            for group in event_groups(of_account):
                head = HeadReader(group, self._room, self._most_events) if len(group.followers) > 1 else None
                for each in group.followers:
                    share = EventShare(stream=each.stream, head=head, begun_at=begun_at)
                    self._shares[each.stream, each.account] = share

    @property
    def held(self) -> int:
        """How many events are held for the streams that have not read them yet."""
        return self._room.held

    def share(self, stream: str, account: str | None) -> EventShare:
        """That of one stream and account; one that was not planned reads on its own."""
        return self._shares.get((stream, account)) or EventShare(stream=stream)


class _Typed(msgspec.Struct):
    type: Annotated[str, msgspec.Meta(min_length=1)]


_TYPED = msgspec.json.Decoder(_Typed)


def _event_type(record: ListedRecord) -> str:
    """The event's type; empty if it does not show it."""
    try:
        return _TYPED.decode(record.raw).type
    except msgspec.MsgspecError:
        return ""
