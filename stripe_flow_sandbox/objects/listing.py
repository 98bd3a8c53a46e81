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
    """One page of a list; its objects are compact JSON."""

    url: str
    bodies: list[bytes]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter that filters a list on an indexed field.

    `values`: the parameter's value → the values of the field that match.
    `default_values`: the values that match if the request does not name the parameter; None if all match.
    """

    param: Param
    field: str
    values: Callable[[Space, object], Sequence[str]] = lambda _, wanted: [_spelled(wanted)]
    default_values: Callable[[Space], Sequence[str]] | None = None


def page_of(  # a page needs all of them
    collection: Collection,
    noun: str,
    params: Object,
    now: int,
    url: str,
    *,
    kept_since: int = 0,
    filters: Mapping[str, Sequence[str]] | None = None,
) -> Listing:
    """The page of `collection` that `params` select. Raises Refusal (400) for wrong cursors, bounds or limits."""
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


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
