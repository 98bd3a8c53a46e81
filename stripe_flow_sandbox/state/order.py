"""Places of objects in a list, sorted by `created` and then by a number of ours."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]  # (created, tie)


class Order:
    """A sorted set of places, oldest first, in two arrays: 16 bytes a place, searched by bisection.

    Appending the newest place costs next to nothing; any other insertion moves the newer places in memory.
    """

    def __init__(self, created: array[int] | None = None, ties: array[int] | None = None) -> None:
        """Takes arrays that are sorted already; empty without them."""
        self._created = array("q") if created is None else created
        self._ties = array("q") if ties is None else ties

    def __len__(self) -> int:
        return len(self._ties)

    def position(self, place: Place) -> int:
        """The number of places that are older than this one."""
        created, tie = place
        first = bisect_left(self._created, created)
        return bisect_left(self._ties, tie, first, bisect_right(self._created, created, first))

    def start_of(self, second: int) -> int:
        """The position of the first place whose `created` is `second` or later."""
        return bisect_left(self._created, second)

    def __contains__(self, place: Place) -> bool:
        position = self.position(place)
        return position < len(self) and self.at(position) == place

    def at(self, position: int) -> Place:
        """The place at this position; -1 is the newest."""
        return self._created[position], self._ties[position]

    def add(self, place: Place) -> None:
        """Insert a place that is not in the order yet."""
        position = len(self) if not len(self) or place > self.at(-1) else self.position(place)
        self._created.insert(position, place[0])
        self._ties.insert(position, place[1])

    def remove(self, place: Place) -> None:
        """Remove a place that is in the order."""
        position = self.position(place)
        del self._created[position], self._ties[position]

    def between(self, start: int, end: int, *, newest_first: bool) -> Iterator[Place]:
        """The places at positions [start, end), lazily: a page reads only the places it shows."""
        positions = range(end - 1, start - 1, -1) if newest_first else range(start, end)
        return zip(map(self._created.__getitem__, positions), map(self._ties.__getitem__, positions), strict=True)
