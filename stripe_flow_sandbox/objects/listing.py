"""Pages of lists, and the filters that a list takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.space import Space


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list, its objects still bytes."""

    url: str
    bodies: list[bytes]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter of a list: its type, and the values of the indexed field that match what was given; `usual`: those
    that match where nothing is given, if not all do.
    """

    param: Param
    field: str
    values: Callable[[Space, object], Sequence[str]] = lambda _, given: [_spelled(given)]
    usual: Callable[[Space], Sequence[str]] | None = None


def page_of(  # a page is all of this
    collection: Collection,
    noun: str,
    params: Object,
    now: int,
    url: str,
    *,
    kept_since: int = 0,
    filters: Mapping[str, Sequence[str]] | None = None,
) -> Listing:
    """The page that `params` ask for. Raises Refusal."""
    if "starting_after" in params and "ending_before" in params:
        raise refuse("parameters_exclusive", params="starting_after, ending_before")
    since, until = pages.bounds_of(params.get("created"))
    query = pages.Query(
        limit=pages.limit_of(params),
        after=pages.cursor_of(collection, noun, params, "starting_after"),
        before=pages.cursor_of(collection, noun, params, "ending_before"),
        since=max(since, kept_since),
        until=until,
        filters=filters or {},
    )
    page = pages.read(collection, query, now)
    return Listing(url, [collection.body_at(place) for place in page.places], page.has_more)


def _spelled(given: object) -> str:
    return str(given).lower() if isinstance(given, bool) else str(given)
