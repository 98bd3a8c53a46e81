"""Which streams of one account read their events together, so that each event is requested once. Pure.

Stripe takes at most MOST_TYPES event types in one request. So the streams are packed into groups with at most so many
types. Streams that are hours apart in their events are not grouped: the others would read what they have read already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# https://docs.stripe.com/api/events/list#list_events-types
MOST_TYPES = 20
# Streams of a group begin at most this far apart in the events.
MOST_APART_S = 3_600

Types = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Follower:
    """A stream that reads the events of an account.

    - `account` is the account's id in records; None for a run without `account_ids`.
    - `types` are the event types that it reads.
    - `since` is where its state goes on, in Unix seconds; None: it begins in this run, at the present.
    """

    stream: str
    account: str | None
    types: Types
    since: int | None


@dataclass(frozen=True, kw_only=True)
class EventGroup:
    """Followers that read together the events of `types` from `since` on; None: from the present on."""

    followers: Sequence[Follower]
    types: Types
    since: int | None


def event_groups(followers: Iterable[Follower]) -> list[EventGroup]:
    """The groups of one account's streams; each stream is in one group, whatever their order."""
    return [
        EventGroup(followers=members, types=types, since=min(_times(members), default=None))
        for near in _by_time(sorted(followers, key=lambda each: each.stream))
        for types, members in _by_types(near)
    ]


def _by_time(followers: Sequence[Follower]) -> Iterator[Sequence[Follower]]:
    """The followers that begin in this run, and the others that are near in time."""
    if new := [each for each in followers if each.since is None]:
        yield new
    left = [each for each in followers if each.since is not None]
    while left:
        until = min(_times(left)) + MOST_APART_S
        yield [each for each in left if (each.since or 0) <= until]
        left = [each for each in left if (each.since or 0) > until]


def _times(followers: Sequence[Follower]) -> list[int]:
    return [each.since for each in followers if each.since is not None]


def _by_types(followers: Sequence[Follower]) -> Iterator[tuple[Types, Sequence[Follower]]]:
    """The followers with the types that they read together."""
    bins = _packed(_connected({each.types for each in followers}))
    for index in range(len(bins)):
        members = [each for each in followers if _index(bins, each.types) == index]
        yield frozenset[str]().union(*(each.types for each in members)), members


def _connected(sets: Iterable[Types]) -> list[Types]:
    """`sets`, with those that share a type united where one request takes them: then no event is requested twice."""
    united: list[Types] = []
    for each in sorted(sets, key=_order):
        whole = each
        for other in [other for other in united if other & each]:
            if len(whole | other) <= MOST_TYPES:
                whole |= other
                united.remove(other)
        united.append(whole)
    return united


def _packed(sets: Iterable[Types]) -> list[Types]:
    """`sets` in as few unions of at most MOST_TYPES as the first fit finds, the largest set first."""
    bins: list[Types] = []
    for each in sorted(sets, key=_order):
        index = next((index for index, other in enumerate(bins) if len(other | each) <= MOST_TYPES), len(bins))
        bins[index : index + 1] = [each | bins[index] if index < len(bins) else each]
    return bins


def _index(bins: Sequence[Types], types: Types) -> int:
    return next(index for index, each in enumerate(bins) if types <= each)


def _order(types: Types) -> tuple[int, Sequence[str]]:
    return -len(types), sorted(types)
