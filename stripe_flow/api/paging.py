"""Reads a list of Stripe's page by page, by the rule in `lists`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from stripe_flow.api.client import Client
from stripe_flow.api.errors import ListUnfinished, RequestRefused
from stripe_flow.api.lists import End, Entry, ListReading, Question, Shown
from stripe_flow.api.stripe_ids import shown_path

T = TypeVar("T")

PAGE_LIMIT = 100  # Stripe's maximum


class AnyPage(Protocol):
    """What the rule needs to know of a page."""

    @property
    def entries(self) -> Sequence[Shown]: ...

    @property
    def has_more(self) -> bool: ...


P = TypeVar("P", bound=AnyPage)


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page: its objects, what the rule needs to know of each, and Stripe's `has_more`."""

    items: Sequence[T]
    entries: Sequence[Entry]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The range of `created` that a list is filtered by: Unix seconds, both included; None: no bound."""

    since: int | None = None
    until: int | None = None


def read_list(  # a list needs all of them
    client: Client,
    path: str,
    filters: Mapping[str, object],
    read: Callable[[bytes], Page[T]],
    *,
    bounds: Bounds | None,
    can_narrow: bool,
) -> Iterator[T]:
    """The objects of the list, each once; `bounds` None: the list is not filtered by `created`.

    An object of a list that is not newest first may come twice. Raises ListUnfinished after the objects that Stripe
    showed if these may not be all, or StripeError.
    """
    given = bounds or Bounds()
    reading = ListReading(since=given.since, until=given.until, can_narrow=can_narrow and bounds is not None)

    def ask(asked: Question) -> Page[T]:
        created = {"gte": given.since, "lte": asked.until}
        query = {**filters, "limit": PAGE_LIMIT, "created": created, "starting_after": asked.after}
        return client.get(path, query, read=read).value

    for page, new in read_pages(reading, ask, path):
        for position in new:
            yield page.items[position]


def read_pages(reading: ListReading, ask: Callable[[Question], P], path: str) -> Iterator[tuple[P, Sequence[int]]]:
    """What `ask` answers to each question of `reading`, with the positions of the objects that are new.

    `path` is the list's, for messages. Raises ListUnfinished after the pages that Stripe showed if these may not be
    all, or what `ask` raises.
    """
    while not isinstance(reading.next, End):
        try:
            page = ask(reading.next)
        except RequestRefused:
            if not reading.skip_cursor():
                raise
            continue
        yield page, reading.take(page.entries, has_more=page.has_more)
    if reading.next is End.UNFINISHED:
        raise ListUnfinished(
            f"GET {shown_path(path)}: Stripe's list says that it has more and does not show it, so no object counts "
            "as missing from it. Run again later; if this stays so, ask Stripe's support"
        )
