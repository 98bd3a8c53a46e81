"""Rereading changed objects: each as it is now, with few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stripe_flow.api.settings import open_client
from tap_stripe_flow.capture.change_feed import Change, ChildChange
from tap_stripe_flow.capture.reread import CHUNK, Named, Objects, reread, reread_unplaced
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tests.support.official import everything, official
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import crowd

OBJECTS = 600
AHEAD = PrefetchPool(4)


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account with quiet and busy days. Tests only read it."""
    with Sandbox("--seed", "5", "--charges", str(OBJECTS), "--days", "30") as running:
        yield running


@pytest.fixture(scope="module")
def charges(account: Sandbox) -> Sequence[Change]:
    """A change of each charge, oldest first."""
    return [a_change(each["id"], each["created"]) for each in account.objects("charge")]


def a_change(object_id: str, created: int) -> Change:
    return Change(id=object_id, created=created, at=created + 9, is_deleted=False)


def listing(sandbox: Sandbox, path: str = "/v1/charges") -> Listing:
    return Listing(client=open_client(a_config(sandbox.url)), path=path)


def read(sandbox: Sandbox, changes: Sequence[Change], path: str = "/v1/charges") -> tuple[list[ListedRecord], int]:
    """The reread records, and how many requests they took."""
    before = len(sandbox.requests())
    found = list(reread(Objects(listing(sandbox, path), path.removeprefix("/v1/").removesuffix("s")), changes, AHEAD))
    return found, len(sandbox.requests()) - before


@pytest.mark.promise("tap 4", "Reading changes never takes more requests than reading each object by id")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_reading_changes_never_takes_more_requests_than_objects(
    account: Sandbox, charges: Sequence[Change], data: st.DataObject
) -> None:
    """For any changed objects: few or many, close together or far apart."""
    first = data.draw(st.integers(0, OBJECTS - 1))
    neighbours = charges[first : first + data.draw(st.integers(0, 200))]
    strangers = data.draw(st.lists(st.sampled_from(charges), max_size=20))
    changed = list({each.id: each for each in [*neighbours, *strangers]}.values())

    found, requests = read(account, changed)

    assert Counter(each.id for each in found) == Counter(each.id for each in changed)
    assert requests <= len(changed)


def test_neighbouring_objects_are_read_from_shared_pages(account: Sandbox, charges: Sequence[Change]) -> None:
    found, requests = read(account, charges)

    assert len(found) == OBJECTS
    assert requests <= 2 * OBJECTS / CHUNK


def test_distant_objects_are_read_by_id(account: Sandbox, charges: Sequence[Change]) -> None:
    changed = charges[::150]

    _, requests = read(account, changed)

    assert requests <= len(changed)


def test_reread_objects_are_what_the_official_client_reads(account: Sandbox, charges: Sequence[Change]) -> None:
    found, _ = read(account, charges[100:400])

    theirs = {each["id"]: each for each in everything(official(account).v1.charges)}
    assert {each.id: each.as_record() for each in found} == {each.id: theirs[each.id] for each in charges[100:400]}
    assert {each.created for each in found} == {each.created for each in charges[100:400]}


def test_no_changes_need_no_request(account: Sandbox) -> None:
    assert read(account, []) == ([], 0)


def test_a_change_in_a_dense_second_costs_at_most_one_extra_page(sandbox: Sandbox) -> None:
    """A page of the list may miss the object; it is requested once."""
    at = sandbox.clock() - 1_000
    crowd(sandbox, "/v1/customers", "", 450, at=at)
    changed = [a_change(each["id"], at) for each in sandbox.objects("customer")[:30]]  # not on the newest page

    found, requests = read(sandbox, changed, "/v1/customers")

    assert Counter(each.id for each in found) == Counter(each.id for each in changed)
    assert requests <= len(changed) + 1


@pytest.mark.parametrize("count", [1, 40])
def test_an_object_deleted_after_its_event_is_emitted_as_deleted(sandbox: Sandbox, count: int) -> None:
    """The list does not show it, but Stripe still knows its id."""
    at = sandbox.clock() - 10_000
    for second in range(count):
        crowd(sandbox, "/v1/customers", "", 2, at=at + second)
    customers = sandbox.objects("customer")
    changed = [a_change(each["id"], each["created"]) for each in customers]
    deleted_by = {each["id"] for each in customers[::2]}
    for object_id in deleted_by:
        official(sandbox).v1.customers.delete(object_id)

    found, requests = read(sandbox, changed, "/v1/customers")

    assert Counter(each.id for each in found) == Counter(each.id for each in changed)
    assert {each.id for each in found if each.as_record().get("deleted")} == deleted_by
    assert requests <= len(deleted_by) + 2 * (1 + len(changed) // CHUNK)


def test_an_object_unknown_to_stripe_is_emitted_as_deleted(sandbox: Sandbox) -> None:
    found, _ = read(sandbox, [a_change("cus_unknown", 1_700_000_000)], "/v1/customers")

    assert [each.as_record() for each in found] == [{"id": "cus_unknown", "object": "customer", "deleted": True}]


def read_unplaced(sandbox: Sandbox, ids: Sequence[str], path: str = "/v1/charges") -> tuple[list[ListedRecord], int]:
    """The same for objects of which only the ids are known."""
    before = len(sandbox.requests())
    named: list[Named] = [ChildChange(id=each, at=1_700_000_000) for each in ids]
    found = list(
        reread_unplaced(Objects(listing(sandbox, path), path.removeprefix("/v1/").removesuffix("s")), named, AHEAD)
    )
    return found, len(sandbox.requests()) - before


@pytest.mark.promise("tap 4", "Reading changes of unknown age takes few more requests than objects")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_objects_of_unknown_age_take_few_more_requests_than_objects(
    account: Sandbox, charges: Sequence[Change], data: st.DataObject
) -> None:
    """For any objects, some of which Stripe does not know: the pages in vain are few, and each object comes once."""
    first = data.draw(st.integers(0, OBJECTS - 1))
    neighbours = [each.id for each in charges[first : first + data.draw(st.integers(0, 200))]]
    strangers = [each.id for each in data.draw(st.lists(st.sampled_from(charges), max_size=20))]
    unknown = [f"ch_unknown{number}" for number in range(data.draw(st.integers(0, 60)))]
    ids = data.draw(st.permutations(list(dict.fromkeys([*neighbours, *strangers, *unknown]))))

    found, requests = read_unplaced(account, ids)

    assert Counter(each.id for each in found) == Counter(ids)
    assert {each.id for each in found if each.as_record().get("deleted")} == set(unknown)
    assert requests <= len(ids) + 1 + len(ids).bit_length()


@pytest.mark.parametrize(
    ("first", "count", "most"),
    [(0, OBJECTS, OBJECTS // 100 + 1), (OBJECTS - 300, 300, 4), (0, 300, 60), (150, 300, 60)],
    ids=["all", "the newest", "the oldest", "in the middle"],
)
def test_neighbours_of_unknown_age_are_read_from_shared_pages(
    account: Sandbox, charges: Sequence[Change], first: int, count: int, most: int
) -> None:
    ids = sorted(each.id for each in charges[first : first + count])

    found, requests = read_unplaced(account, ids)

    assert Counter(each.id for each in found) == Counter(ids)
    assert requests <= most


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_objects_of_unknown_age_are_read_by_id(account: Sandbox, charges: Sequence[Change], count: int) -> None:
    _, requests = read_unplaced(account, [each.id for each in charges[:count]])

    assert requests == count
