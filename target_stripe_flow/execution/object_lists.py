"""Reads the lists of the objects that an action creates, with the objects that Stripe's lists hide by default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.lists import Entry
from stripe_flow.api.message import decode
from stripe_flow.api.paging import Bounds, Page, read_list
from target_stripe_flow.actions.endpoint import Endpoint, Made
from target_stripe_flow.actions.money import money_of
from target_stripe_flow.attempts.identity import MARKER

CLOCKS_PATH = "/v1/test_helpers/test_clocks"


class ListedObject(msgspec.Struct):
    """The members of an object in a list that the target reads."""

    id: str
    object_type: str = msgspec.field(default="", name="object")
    created: object = None  # missing in a deleted object
    metadata: dict[str, str] | None = None
    status: str | None = None
    latest_charge: str | None = None
    payment_intent: str | None = None
    deleted: bool = False
    amount: int | None = None
    currency: str | None = None

    @property
    def created_unix(self) -> int | None:
        """`created`, None unless it is a whole second."""
        is_second = isinstance(self.created, int) and not isinstance(self.created, bool)
        return self.created if is_second else None  # type: ignore[return-value]  # an int

    @property
    def marker(self) -> str:
        """The marker in its metadata, empty if it has none."""
        return (self.metadata or {}).get(MARKER, "")

    @property
    def origin(self) -> str:
        """The marker of the attempt that created it, without the revision of a later update."""
        return ":".join(self.marker.split(":")[:2])

    def made_at(self, endpoint: Endpoint) -> Made:
        """What the object says about the attempt that created it at `endpoint`."""
        money = money_of({"amount": self.amount, "currency": self.currency})
        return endpoint.made(self.id, self.status, self.latest_charge, money)


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to ask for a list: `filters` of every request. `has_times`: `created` is Stripe's time, not a clock's."""

    filters: Mapping[str, object]
    has_times: bool = True


def views_of(endpoint: Endpoint, clocks: Iterable[str] = ()) -> list[View]:
    """The views of an endpoint's list that together show every object outside test clocks, and on `clocks`."""
    on_clocks = [{str(endpoint.clock_parameter): clock} for clock in clocks if endpoint.clock_parameter]
    return [
        *(View(filters=filters) for filters in endpoint.list_filters),
        *(View(filters=filters, has_times=False) for filters in on_clocks),
    ]


def clock_in(body: bytes, endpoint: Endpoint) -> str | None:
    """The test clock that the stored request of an attempt names, if it names one."""
    named: list[str | None] = list(parse_qs(body.decode()).get(str(endpoint.clock_parameter), []))
    return named[0] if named else None


def list_clocks(client: Client) -> Iterator[str]:
    """The ids of the account's test clocks. Raises StripeError."""
    clocks = read_list(client, CLOCKS_PATH, {}, read_page, bounds=None, can_narrow=False)
    return (clock.id for clock in clocks)


def list_objects(client: Client, endpoint: Endpoint, view: View, bounds: Bounds | None) -> Iterator[ListedObject]:
    """The objects of the list in this view that were created within `bounds` (of a test clock: all), newest first.

    Raises StripeError; ListUnfinished after the objects that Stripe showed, if these may not be all.
    """
    return read_list(
        client,
        endpoint.path,
        view.filters,
        read_page,
        bounds=bounds if view.has_times else None,
        can_narrow=endpoint.is_newest_first,
    )


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


_UNREADABLE = ListedObject(id="")


def read_page(body: bytes) -> Page[ListedObject]:
    """A page of a list. Raises ValueError if the body is no list; an object that cannot be read has no id."""
    page = decode(body, _Page)
    items = [_read_item(raw) for raw in page.data]
    entries = [Entry(item.id or None, item.created_unix) for item in items]
    return Page(items=items, entries=entries, has_more=page.has_more)


def _read_item(raw: msgspec.Raw) -> ListedObject:
    try:
        return decode(bytes(raw), ListedObject)
    except msgspec.ValidationError:
        return _UNREADABLE


def read_object(body: bytes) -> ListedObject:
    """One object, read by its id. Raises ValueError if the body is none."""
    return decode(body, ListedObject)
