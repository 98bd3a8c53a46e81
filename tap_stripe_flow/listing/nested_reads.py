"""How the lists inside objects are read: their pages, and which of their requests wait for which."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from stripe_flow.api import forms
from stripe_flow.api.client import Client
from stripe_flow.api.clock import elapsed_s
from stripe_flow.api.lists import Entry
from tap_stripe_flow.listing.answers import Node, check_doubles, read_parsed_page, unreadable
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.shared_pages import Sent, SharedReader

T = TypeVar("T")


@dataclass(frozen=True)
class NestedPage:
    """A page of a list inside an object, and what the rule of lists needs of it."""

    data: Sequence[Node]
    entries: Sequence[Entry]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class NestedReads:
    """Reads lists at once as jobs of `prefetch`, one after the other if it is None.

    `shared` holds the pages of lists that another stream of the run reads, too; None: there are none.
    """

    prefetch: PrefetchPool | None = None
    shared: SharedReader | None = None

    def in_order(self, jobs: Sequence[Callable[[], T]]) -> Generator[T, None, None]:
        """The results of `jobs` in their order, so that which error counts does not depend on who answers first."""
        if self.prefetch is None or len(jobs) < 2:
            return (job() for job in jobs)
        return self.prefetch.in_order(jobs)

    def page(self, client: Client, path: str, query: Mapping[str, object], member: str) -> NestedPage:
        """One page of a list in this member of an object, or below it.

        Raises StripeError; UnreadableAnswer for a page that holds no objects with an id of their own.
        """
        if self.shared is None or member not in self.shared.members:
            page = client.get(path, query, read=partial(read_parsed_page, path)).value
        else:
            body = self.shared.body(
                (client.connection.account, path, forms.encode(query)), partial(_ask, client, path, query)
            )
            page = read_parsed_page(path, body)
        return NestedPage(page.data, entries_of(path, page.data), page.has_more)

    def begin_reread(self) -> None:
        """Note that objects are read again from now on: see `SharedReader.begin_reread`."""
        if self.shared is not None:
            self.shared.begin_reread()


def _ask(client: Client, path: str, query: Mapping[str, object]) -> Sent:
    """The body of a page that can be read. Raises StripeError."""

    def read(body: bytes) -> bytes:
        read_parsed_page(path, body)
        return body

    answer = client.get(path, query, read=read)
    return Sent(answer.value, elapsed_s() - answer.took_s)


def entries_of(path: str, data: Sequence[object]) -> list[Entry]:
    """What the rule of lists needs of these entries. Raises UnreadableAnswer unless each has an id of its own."""
    ids = [each.get("id") if isinstance(each, dict) else None for each in data]
    if not all(isinstance(each, str) and each for each in ids):
        raise unreadable(path, "an entry has no id")
    check_doubles(path, data)  # type: ignore[arg-type]  # objects
    return [Entry(each) for each in ids]
