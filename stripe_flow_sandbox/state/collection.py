"""All objects of one type in one account: by id, in order, and by the fields that lists filter on.

Objects are compact JSON bytes. A seeded object is computed at each read until it is changed; then it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from stripe_flow_sandbox.answers.codec import Object, decode, encode, integer
from stripe_flow_sandbox.state.order import Order, Place


class Seeded(Protocol):
    """Objects that are computed from the seed and their index, oldest first."""

    def __len__(self) -> int: ...

    def order(self) -> Order:
        """The places of all objects."""

    def id_of(self, index: int) -> str:
        """The id of the object with this index."""

    def index_of(self, object_id: str) -> int | None:
        """The index of the object with this id, None for any other text."""

    def created(self, index: int) -> int:
        """`created` of the object with this index, in Unix seconds."""

    def body(self, index: int) -> bytes:
        """The object with this index as compact JSON."""

    def value(self, field: str, index: int) -> str | None:
        """The value of `field` as `Collection` indexes it, without computing the object."""


class Collection:
    """Objects in the order of their `created`.

    Within one second seeded objects come first, then new objects, ordered by `tie(n)` for the n-th new object.
    """

    def __init__(self, seeded: Seeded | None = None, tie: Callable[[int], int] = int) -> None:
        self._seeded = seeded
        self._seeds = len(seeded) if seeded else 0
        self._changed_seeds: set[int] = set()
        self._tie = tie
        self.order = seeded.order() if seeded else Order()
        self._bodies: dict[str, bytes] = {}
        self._places: dict[str, Place] = {}
        self._ids: dict[int, str] = {}
        self._inserted = 0
        self._indexes: dict[str, dict[str, Order]] = {}
        self._hidden_until: dict[Place, int] = {}

    def body(self, object_id: str) -> bytes | None:
        """The object's bytes, also of a deleted object; None if it never existed."""
        stored = self._bodies.get(object_id)
        if stored is not None or not self._seeded:
            return stored
        index = self._seeded.index_of(object_id)
        return None if index is None else self._seeded.body(index)

    def place(self, object_id: str) -> Place | None:
        """The object's place in the list; None if it was deleted or never existed."""
        place = self._places.get(object_id)
        if place is None and self._seeded and (index := self._seeded.index_of(object_id)) is not None:
            place = (self._seeded.created(index), index)
        return place if place is not None and place in self.order else None

    def body_at(self, place: Place) -> bytes:
        """The bytes of the object at this place."""
        number = place[1]
        if self._seeded and number < self._seeds and number not in self._changed_seeds:
            return self._seeded.body(number)
        return self._bodies[self.id_at(place)]

    def id_at(self, place: Place) -> str:
        """The id of the object at this place."""
        if self._seeded and place[1] < self._seeds:
            return self._seeded.id_of(place[1])
        return self._ids[place[1]]

    def insert(self, new: Object, *, visible_at: int = 0, at: int | None = None) -> None:
        """Store a new object; lists show it from `visible_at` on. `at`: its second, if it has no `created`."""
        object_id, created = str(new["id"]), integer(new["created"]) if at is None else at
        place = (created, self._seeds + self._tie(self._inserted))
        self._inserted += 1
        self._bodies[object_id] = encode(new)
        self._places[object_id], self._ids[place[1]] = place, object_id
        self.order.add(place)
        for field, orders in self._indexes.items():
            _index(orders, _text(new.get(field)), place)
        if visible_at > created:
            self._hidden_until[place] = visible_at

    def replace(self, changed: Object) -> None:
        """Store the new state of an existing object."""
        object_id = str(changed["id"])
        place = self.place(object_id)
        if self._indexes and place is not None:
            before = decode(self.body(object_id) or b"{}")
            for field, orders in self._indexes.items():
                _reindex(orders, place, _text(before.get(field)), _text(changed.get(field)))
        self._store(object_id, place, changed)

    def remove(self, object_id: str, remains: Object) -> None:
        """Remove an object from all lists; reading it by id gives `remains` from now on."""
        place = self.place(object_id)
        if place is not None:
            before = decode(self.body_at(place))
            self.order.remove(place)
            for field, orders in self._indexes.items():
                _reindex(orders, place, _text(before.get(field)), None)
        self._store(object_id, place, remains)

    def index(self, field: str) -> Mapping[str, Order]:
        """Value of `field` → order of the objects that have it. The first filter on `field` builds the index."""
        if field not in self._indexes:
            orders: dict[str, Order] = {}
            for place in self.order.between(0, len(self.order), newest_first=False):
                _index(orders, self._value_at(field, place), place)
            self._indexes[field] = orders
        return self._indexes[field]

    def is_visible(self, place: Place, now: int) -> bool:
        """Whether lists show the object at this place at second `now`."""
        until = self._hidden_until.get(place)
        if until is not None and until <= now:
            del self._hidden_until[place]
            return True
        return until is None

    def every_body(self) -> Iterator[bytes]:
        """All objects, oldest first, including those that lists do not show yet; deleted ones last."""
        for place in self.order.between(0, len(self.order), newest_first=False):
            yield self.body_at(place)
        for object_id, body in self._bodies.items():
            if self.place(object_id) is None:
                yield body

    def stored_bodies(self) -> Iterator[bytes]:
        """All objects that were made or changed since the start, deleted ones too, in no order."""
        return iter(self._bodies.values())

    def _store(self, object_id: str, place: Place | None, changed: Object) -> None:
        self._bodies[object_id] = encode(changed)
        if place is not None and place[1] < self._seeds:
            self._changed_seeds.add(place[1])

    def _value_at(self, field: str, place: Place) -> str | None:
        number = place[1]
        if self._seeded and number < self._seeds and number not in self._changed_seeds:
            return self._seeded.value(field, number)
        return _text(decode(self.body_at(place)).get(field))


def _text(value: object) -> str | None:
    """A value as a list's parameter spells it; None is in no index."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _index(orders: dict[str, Order], value: str | None, place: Place) -> None:
    if value is not None:
        orders.setdefault(value, Order()).add(place)


def _reindex(orders: dict[str, Order], place: Place, before: str | None, after: str | None) -> None:
    if before == after:
        return
    if before is not None:
        orders[before].remove(place)
    _index(orders, after, place)
