"""Lists: newest first, by cursor, by `created` and by equality; https://docs.stripe.com/api/pagination.

Reading a page takes time in proportion to the page and to the logarithm of the list, never to the list.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stripe_flow_sandbox.answers.codec import Object, integer
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.order import Order, Place

MOST, DEFAULT = 100, 10
_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page of a list: `[since, until)` bounds `created`; an object matches a filter by any of its values.

    `without`: fields; objects that have a value in one of them are left out.
    """

    limit: int = DEFAULT
    after: Place | None = None
    before: Place | None = None
    since: int = 0
    until: int = _FOREVER
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The places of one page, newest first, and whether the list goes on after it."""

    places: list[Place]
    has_more: bool


def read(collection: Collection, query: Query, now: int) -> Page:
    """The page as Stripe would show it at second `now`, newest first."""
    newest_first = query.before is None
    driver, *others = sorted(_unions(collection, query.filters), key=_size) or [[collection.order]]
    runs = [order.between(*_bounds(order, query), newest_first=newest_first) for order in driver]
    hidden = [order for name in query.without for order in collection.index(name).values()]
    found: list[Place] = []
    for place in _merged(runs, newest_first=newest_first):
        is_shown = collection.is_visible(place, now) and not _holds(hidden, place)
        if is_shown and all(_holds(union, place) for union in others):
            found.append(place)
            if len(found) > query.limit:
                break
    places = found[: query.limit]
    return Page(places if newest_first else places[::-1], has_more=len(found) > query.limit)


def bounds_of(created: object) -> tuple[int, int]:
    """[since, until) of the parameter `created`: one second, or the intersection of `gt`, `gte`, `lt` and `lte`."""
    if isinstance(created, int):
        return created, created + 1
    if not isinstance(created, dict):
        return 0, _FOREVER
    since = max((created[name] + step for name, step in (("gt", 1), ("gte", 0)) if name in created), default=0)
    until = min((created[name] + step for name, step in (("lt", 0), ("lte", 1)) if name in created), default=_FOREVER)
    return since, until


def limit_of(params: Object) -> int:
    """The parameter `limit`, 10 without it. Raises Refusal (400) outside 1 to 100."""
    limit = integer(params.get("limit", DEFAULT))
    if not 1 <= limit <= MOST:
        raise refuse("parameter_invalid_integer", param="limit", value=limit)
    return limit


def cursor_of(collection: Collection, noun: str, params: Object, name: str) -> Place | None:
    """The place of the object that a cursor names. Raises Refusal (400) for an unknown or deleted object."""
    if name not in params:
        return None
    object_id = str(params[name])
    place = collection.place(object_id)
    if place is None:
        raise refuse("resource_missing", status=400, param=name, noun=noun, id=object_id, hint="")
    return place


def _unions(collection: Collection, filters: Mapping[str, Sequence[str]]) -> list[list[Order]]:
    nothing = Order()
    return [[collection.index(name).get(value, nothing) for value in values] for name, values in filters.items()]


def _size(union: list[Order]) -> int:
    return sum(len(order) for order in union)


def _holds(union: list[Order], place: Place) -> bool:
    return any(place in order for order in union)


def _bounds(order: Order, query: Query) -> tuple[int, int]:
    start, end = order.start_of(query.since), order.start_of(query.until)
    if query.after is not None:
        end = min(end, order.position(query.after))
    if query.before is not None:
        position = order.position(query.before)
        start = max(start, position + (query.before in order))
    return start, max(start, end)


def _merged(runs: list[Iterator[Place]], *, newest_first: bool) -> Iterator[Place]:
    if len(runs) == 1:
        return runs[0]
    return iter(heapq.merge(*runs, reverse=newest_first))
