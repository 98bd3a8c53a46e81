"""How the lists inside objects are read: their pages, and which of their requests wait for which."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from stripe_flow.api.client import Client
from stripe_flow.api.lists import Entry
from tap_stripe_flow.listing.answers import Node, check_doubles, read_parsed_page, unreadable
from tap_stripe_flow.listing.prefetch import PrefetchPool

T = TypeVar("T")


@dataclass(frozen=True)
class NestedPage:
    """A page of a list inside an object, and what the rule of lists needs of it."""

    data: Sequence[Node]
    entries: Sequence[Entry]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class NestedReads:
    """Reads lists at once as jobs of `prefetch`; None: one after the other."""

    prefetch: PrefetchPool | None = None

    def in_order(self, jobs: Sequence[Callable[[], T]]) -> Generator[T, None, None]:
        """The results of `jobs` in their order, so that which error counts does not depend on who answers first."""
        if self.prefetch is None or len(jobs) < 2:
            return (job() for job in jobs)
        return self.prefetch.in_order(jobs)

    def page(self, client: Client, path: str, query: Mapping[str, object]) -> NestedPage:
        """One page. Raises StripeError; UnreadableAnswer for a page that holds no objects with an id of their own."""
        page = client.get(path, query, read=partial(read_parsed_page, path)).value
        return NestedPage(page.data, entries_of(path, page.data), page.has_more)


def entries_of(path: str, data: Sequence[object]) -> list[Entry]:
    """What the rule of lists needs of these entries. Raises UnreadableAnswer unless each has an id of its own."""
    ids = [each.get("id") if isinstance(each, dict) else None for each in data]
    if not all(isinstance(each, str) and each for each in ids):
        raise unreadable(path, "an entry has no id")
    check_doubles(path, data)  # type: ignore[arg-type]  # objects
    return [Entry(each) for each in ids]
