"""The readers of Stripe lists, one row each: how to call it, and which laws hold for it today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl

from stripe_flow.api.errors import ListUnfinished, PermissionMissing, StripeUnreachable, UnreadableAnswer
from stripe_flow.api.paging import Bounds
from stripe_flow_cli.slices.planner import plan_runs
from tap_stripe_flow.capture.children import ChildReader
from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.windows.batch import Batch
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.matching import find_match
from target_stripe_flow.execution.object_lists import View, list_objects
from target_stripe_flow.journal.location import File
from target_stripe_flow.recovery.marker_scan import Span, scan_for_markers
from target_stripe_flow.recovery.rebuild import rebuild
from tests.lists.objects import (
    CLOCK,
    LATER_S,
    Account,
    ChildObjects,
    ClockCustomers,
    Customers,
    Objects,
    Prices,
    Updates,
)
from tests.lists.tap import SPECS, a_run, read_stream
from tests.support.sandbox import PLATFORM
from tests.target_stripe_flow.builders import an_attempt

# Restricted keys: one without any permission, and one that may only read customers.
NO_PERMISSION, ONLY_CUSTOMERS = "rk_test_nothing", "rk_test_customers"

# The ids of a page, newest first → the ids that the test deletes before the next request.
DELETIONS: Mapping[str, Callable[[Sequence[str]], Sequence[str]]] = {
    "all but the cursor": lambda page: page[:-1],
    "the cursor": lambda page: page[-1:],
    "the whole page": lambda page: page,
    "all but the newest": lambda page: page[1:],
}
ANY = tuple(DELETIONS)
# How many objects are in each second, oldest second first. The first and second page end inside a second, the third at
# the end of one, and the fourth at an object that is alone in its second.
UNEVEN = (*[1] * 11, 99, 80, 220)
# A bit more than two pages, for lists without `created`.
PLAIN = (210,)


class ScanIncomplete(Exception):
    """The scan says that it is incomplete."""


@dataclass(frozen=True, kw_only=True)
class ListReader:
    """`read` returns the ids that the reader yields; `path` is the path of its list requests.

    - `sizes`: the numbers of objects that it is tried with.
    - `survives`: the deletions between two pages that are tried; they hide no other object.
    - `seconds`: how many objects are in each second, oldest second first, while objects are deleted or created.
    - `key`: an API key without permission for the list; `refused`: what the reader raises for it.
    - `cut`: what it raises for answers that are cut, `unreadable`: for answers that are no list.
    - `unfinished`: what the reader raises for a list that promises more than it shows.
    """

    name: str
    objects: Callable[[Account], Objects]
    read: Callable[..., list[str]]
    path: str = "/v1/customers"
    sizes: tuple[int, ...] = (0, 1, 100, 101, 250)
    survives: tuple[str, ...] = ANY
    seconds: tuple[int, ...] = UNEVEN
    cut: type[Exception] = StripeUnreachable
    unreadable: type[Exception] = UnreadableAnswer
    unfinished: type[Exception] = ListUnfinished
    key: str = NO_PERMISSION
    refused: type[Exception] = PermissionMissing

    def __str__(self) -> str:
        return self.name

    @property
    def has_pages(self) -> bool:
        return max(self.sizes) > 100


def _ids(pages: Iterable[Page]) -> list[str]:
    return [each.id for page in pages for each in page.records()]


def _customers_list(customers: Customers, settings: Mapping[str, object]) -> Listing:
    return Listing(client=customers.account.client(**settings), path=customers.path, is_newest_first=True)


def _pages(customers: Customers, *, is_newest_first: bool, **settings: object) -> list[str]:
    listing = replace(_customers_list(customers, settings), is_newest_first=is_newest_first)
    return _ids(listing.pages(customers.first_unix, None))


def _every_page(customers: Customers, **settings: object) -> list[str]:
    return _ids(replace(_customers_list(customers, settings), stamp=None).every_page())


def _new_objects(customers: Customers, **settings: object) -> list[str]:
    read = read_stream("customers", customers.account.config(**settings), customers.account.id)
    return [each.id for batch in read for each in batch.records]


def _changes(updates: Updates, **settings: object) -> list[str]:
    config = updates.account.config(capture="changes", **settings)
    read = read_stream("customers", config, updates.account.id, updates.state)
    return [each.id for batch in read for each in batch.records]


def _slices(customers: Customers, **settings: object) -> list[str]:
    """The objects in the planned slices. The range starts at the first object, so that slices end between objects."""
    start = datetime.fromtimestamp(customers.first_unix, UTC).isoformat()
    run, config = a_run(customers.account.config(account_ids=[customers.account.id], start_date=start, **settings))
    planned = plan_runs(run, config, workers=1, slices=4, stream="customers")
    edges = [[_unix(each.start_date), _unix(each.end_date)] for each in planned]
    listing = _customers_list(customers, settings)
    return [object_id for start, end in edges for object_id in _ids(listing.pages(start, end))]


def _unix(date: str) -> int:
    return int(datetime.fromisoformat(date).timestamp())


def _parent(children: ChildObjects, stream: str, settings: Mapping[str, object]) -> tuple[Listing, list[str]]:
    child_of = SPECS[stream].child_of
    assert child_of is not None
    member = [child_of.list_member] if child_of.list_member else []
    return Listing(client=children.account.client(**settings), path=child_of.parent.path, expand=member), member


def _nested(children: ChildObjects, **settings: object) -> list[str]:
    listing, [member] = _parent(children, "customer_tax_ids", settings)
    return [each["id"] for each in listing.retrieve(children.parent).as_record()[member]["data"]]


def _children(children: ChildObjects, *, stream: str, **settings: object) -> list[str]:
    listing = replace(_parent(children, stream, settings)[0], is_snapshot=True)
    spec, parents = SPECS[stream], [Batch(records=[listing.retrieve(children.parent)])]
    assert spec.child_of is not None
    child_list = Listing(client=listing.client, path=spec.path, stamp=None)
    reader = ChildReader(child_of=spec.child_of, listing=child_list, parents=listing, prefetch=PrefetchPool(1))
    return [each.id for batch in reader.batches(iter(parents)) for each in batch.records]


def _span(customers: Customers) -> Span:
    return Span(first=customers.first_unix, last=customers.first_unix + 2 * LATER_S)


def _scanned_pages(customers: Customers, **settings: object) -> list[str]:
    span, endpoint = _span(customers), ACTIONS["customers"].endpoint
    bounds = Bounds(since=span.first, until=span.last)
    read = list_objects(customers.account.client(**settings), endpoint, View(filters={}), bounds)
    return [each.id for each in read]


def _clock_pages(customers: Customers, **settings: object) -> list[str]:
    view = View(filters={"test_clock": CLOCK}, has_times=False)
    read = list_objects(customers.account.client(**settings), ACTIONS["customers"].endpoint, view, None)
    return [each.id for each in read]


def _marker_scan(customers: Customers, *, action: str, **settings: object) -> list[str]:
    """The objects of the attempts that made them; one attempt made none. Raises ScanIncomplete."""
    endpoint, attempts = ACTIONS[action].endpoint, list(_attempts(customers))
    scan = scan_for_markers(customers.account.client(**settings), endpoint, attempts)
    if not scan.is_complete:
        raise ScanIncomplete
    return [each.id for each in scan.found.values()]


def _attempts(customers: Customers) -> Iterator[Attempt]:
    sent = {"first_sent_unix": customers.first_unix, "last_sent_unix": customers.first_unix}
    for digest in [*customers.digests, "e" * 32]:
        yield an_attempt(digest=digest, body=customers.form(digest).encode(), **sent)


def _rebuild(customers: Customers, *, action: str, **settings: object) -> list[str]:
    """The ids in the rows of the rebuilt journal. Raises ScanIncomplete."""
    account = customers.account
    scope = Scope(account=account.id, mode="test", source_name="default")
    with File(account.folder / "journal.db").open_journal() as journal:
        done = rebuild(
            account.client(**settings),
            journal,
            scope,
            action=action,
            endpoint=ACTIONS[action].endpoint,
            span=_span(customers),
            on_progress=lambda _: None,
        )
        if not done.is_complete:
            raise ScanIncomplete
        return [str(each.stripe_id) for each in journal.walk({})]


def _matching(customers: Customers, **settings: object) -> list[str]:
    endpoint, parameters = ACTIONS["customers"].endpoint, dict(parse_qsl(customers.form("")))
    match = find_match(customers.account.client(**settings), endpoint, "email", parameters)
    return [] if match is None else [match]


def _objects(kind: type[Customers]) -> Callable[[Account], Objects]:
    return lambda account: kind(account=account)


def _child_objects(kind: str, parent_kind: str) -> Callable[[Account], Objects]:
    """Always on the platform: the sandbox's controls make child objects on no other account."""
    return lambda account: ChildObjects(account=replace(account, id=PLATFORM), kind=kind, parent_kind=parent_kind)


CUSTOMERS, UPDATES = _objects(Customers), _objects(Updates)
CLOCK_CUSTOMERS, PRICES = _objects(ClockCustomers), _objects(Prices)
TAX_IDS = _child_objects("tax_id", "customer")
TAX_IDS_PATH = "/v1/customers/*/tax_ids"
# An object shows the newest ten, and pages of a hundred follow.
NESTED_SIZES = (0, 1, 10, 11, 100, 101, 110, 111, 250)

READERS = (
    ListReader(name="pages of a window", objects=CUSTOMERS, read=partial(_pages, is_newest_first=True)),
    ListReader(name="pages without a documented order", objects=CUSTOMERS, read=partial(_pages, is_newest_first=False)),
    ListReader(name="windows of new objects", objects=CUSTOMERS, read=_new_objects),
    ListReader(name="full list", objects=CUSTOMERS, read=_every_page, seconds=PLAIN),
    # Stripe deletes no events, so the test deletes the objects that the events name.
    ListReader(name="events", objects=UPDATES, read=_changes, path="/v1/events", key=ONLY_CUSTOMERS),
    ListReader(
        name="list inside an object",
        objects=TAX_IDS,
        read=_nested,
        path=TAX_IDS_PATH,
        sizes=NESTED_SIZES,
        seconds=PLAIN,
    ),
    ListReader(
        name="child list inside a parent",
        objects=TAX_IDS,
        read=partial(_children, stream="customer_tax_ids"),
        path=TAX_IDS_PATH,
        sizes=NESTED_SIZES,
        seconds=PLAIN,
    ),
    ListReader(
        name="child list of a parent",
        objects=_child_objects("customer_balance_transaction", "customer"),
        read=partial(_children, stream="customer_balance_transactions"),
        path="/v1/customers/*/balance_transactions",
        seconds=PLAIN,
    ),
    ListReader(
        name="child list by filter",
        objects=_child_objects("setup_attempt", "setup_intent"),
        read=partial(_children, stream="setup_attempts"),
        path="/v1/setup_attempts",
        seconds=PLAIN,
    ),
    # It reads the newest page of several ranges and uses no cursor.
    ListReader(name="planner of slices", objects=CUSTOMERS, read=_slices, survives=()),
    ListReader(name="pages of a marker scan", objects=CUSTOMERS, read=_scanned_pages, unreadable=StripeUnreachable),
    ListReader(name="pages of a test clock", objects=CLOCK_CUSTOMERS, read=_clock_pages, unreadable=StripeUnreachable),
    *(
        ListReader(
            name=f"{name} of {kind}",
            objects=objects,
            read=partial(read, action=action),
            path=ACTIONS[action].path,
            survives=survives,
            unfinished=ScanIncomplete,
            refused=refused,
            cut=cut,
            unreadable=cut,
        )
        for name, read, refused, cut in (
            ("marker scan", _marker_scan, ScanIncomplete, ScanIncomplete),
            ("journal rebuild", _rebuild, PermissionMissing, StripeUnreachable),
        )
        for kind, action, objects, survives in (
            ("customers", "customers", CUSTOMERS, ANY),
            ("customers on a test clock", "customers", CLOCK_CUSTOMERS, ANY),
            ("prices", "prices", PRICES, ()),
        )
    ),
    # It rejects several matches, so it reads one page at most.
    ListReader(
        name="matching", objects=CUSTOMERS, read=_matching, sizes=(0, 1), survives=(), unreadable=StripeUnreachable
    ),
    ListReader(
        name="matching on a test clock",
        objects=CLOCK_CUSTOMERS,
        read=_matching,
        sizes=(0, 1),
        survives=(),
        unreadable=StripeUnreachable,
    ),
)
