"""`capture: changes`: the last record of each object is the object as it is now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.capture.change_feed import Change, ChildChange, EventReader, is_worth_listing, merge_changes
from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.listing.record import ListedRecord
from tests.support.official import everything, official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.selection import EACH_STREAMS_AT_ONCE
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd, post

DAY_S = 86_400
IDS = ("cus_1", "cus_2", "cus_3")
feeds = st.lists(
    st.builds(
        lambda object_id, created, at, is_deleted: Change(id=object_id, created=created, at=at, is_deleted=is_deleted),
        st.sampled_from(IDS),
        st.sampled_from((None, 7, 8)),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=12,
)


def as_feed(changes: Sequence[Change]) -> dict[str, Change]:
    return reduce(merge_changes, ({each.id: each} for each in changes), {})


@given(feeds, st.data())
def test_the_order_of_events_does_not_matter(changes: list[Change], data: st.DataObject) -> None:
    """Stripe's events have no order within a second, and windows may split them anywhere."""
    other = data.draw(st.permutations(changes))
    cut = data.draw(st.integers(0, len(changes)))

    assert merge_changes(as_feed(other[:cut]), as_feed(other[cut:])) == as_feed(changes)


@given(feeds)
def test_the_newest_event_of_an_object_is_used(changes: list[Change]) -> None:
    for object_id, change in as_feed(changes).items():
        newest = max(each.at for each in changes if each.id == object_id)
        there = {each.is_deleted for each in changes if (each.id, each.at) == (object_id, newest)}
        assert change.at == newest
        assert change.is_deleted == (there == {True})  # beside any other event the object must be read


@given(feeds)
def test_merging_does_not_modify_its_arguments(changes: list[Change]) -> None:
    earlier, later = as_feed(changes[::2]), as_feed(changes[1::2])
    kept = dict(earlier), dict(later)

    merge_changes(earlier, later)

    assert (earlier, later) == kept


def an_event(kind: str, type_: str, at: int, object_id: str = "cus_1") -> ListedRecord:
    raw = {"id": f"evt_{at}", "type": type_, "created": at, "data": {"object": {"id": object_id, "object": kind}}}
    return ListedRecord.single(ObjectKey(id=f"evt_{at}", created=at), json.dumps(raw).encode(), read_at=at)


def test_an_event_of_another_kind_of_object_is_ignored() -> None:
    events = [an_event("refund", "charge.refund.updated", 1), an_event("charge", "charge.updated", 2, "ch_1")]

    assert list(EventReader(kind="charge").change_set(events).changes) == ["ch_1"]
    assert list(EventReader(kind="refund").change_set(events).changes) == ["cus_1"]
    assert len(EventReader(kind="customer").change_set(events)) == 0


def test_a_deletion_is_distinguished_from_a_change() -> None:
    events = [an_event("customer", "customer.deleted", 2), an_event("customer", "customer.updated", 1)]

    assert EventReader(kind="customer", deleted_by=["customer.deleted"]).change_set(events).changes["cus_1"].is_deleted


def test_a_deleted_event_of_an_object_that_still_exists_is_a_change() -> None:
    """For example `customer.subscription.deleted`: a canceled subscription can still be read."""
    events = [an_event("subscription", "customer.subscription.deleted", 2, "sub_1")]

    assert not EventReader(kind="subscription").change_set(events).changes["sub_1"].is_deleted


def a_child_event(type_: str, at: int, child: str, customer: str | None) -> ListedRecord:
    payload = {"id": child, "object": "card", "customer": customer}
    raw = {"id": f"evt_{at}", "type": type_, "created": at, "data": {"object": payload}}
    return ListedRecord.single(ObjectKey(id=f"evt_{at}", created=at), json.dumps(raw).encode(), read_at=at)


def test_an_event_of_a_child_is_a_child_change_of_its_parent() -> None:
    reader = EventReader(
        kind="customer", deleted_by=["customer.source.deleted"], child_kinds=["card"], parent_reference="customer"
    )
    events = [
        a_child_event("customer.source.deleted", 3, "card_1", "cus_1"),
        a_child_event("customer.source.updated", 4, "card_2", "cus_1"),
        a_child_event("customer.source.updated", 5, "card_3", None),
        an_event("customer", "customer.updated", 9, "cus_2"),
    ]

    change_set = reader.change_set(events[:1]).merge(reader.change_set(events[1:]))

    assert change_set.child_changes == {
        "cus_1": ChildChange(id="cus_1", at=4, deleted_children=frozenset({("card", "card_1")}))
    }
    assert list(change_set.changes) == ["cus_2"]
    assert len(change_set) == 2


def test_the_creation_time_is_read_from_the_stamp_of_the_list() -> None:
    payload = {"id": "ii_1", "object": "invoiceitem", "date": 7}
    raw = {"id": "evt_1", "type": "invoiceitem.deleted", "created": 9, "data": {"object": payload}}
    event = ListedRecord.single(ObjectKey(id="evt_1", created=9), json.dumps(raw).encode(), read_at=9)

    assert EventReader(kind="invoiceitem", stamp="date").change_set([event]).changes["ii_1"].created == 7


@given(st.floats(0.01, 1000), st.integers(0, 10_000), st.integers(1, 100))
def test_a_page_is_worth_listing_when_it_reaches_the_next_object(per_s: float, apart_s: int, page: int) -> None:
    assert is_worth_listing(20_000, 20_000 - apart_s, per_s, page) == (per_s * (apart_s + 1) < page)


def settings(url: str, **more: object) -> dict[str, object]:
    return a_config(url, capture="changes", customers_mode="list", **more)


def last(done: Sequence[Ended], stream: str) -> dict[str, Message]:
    """The last record of every object."""
    return {each["id"]: each for run in done for each in run.records(stream)}


@EACH_STREAMS_AT_ONCE
def test_the_last_record_of_every_object_is_the_object_as_it_is(
    streams_at_once: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    client, config = official(sandbox).v1, settings(sandbox.url, streams_at_once=streams_at_once)
    for second in range(60):
        crowd(sandbox, "/v1/charges", A_CHARGE, 2, at=sandbox.clock() + second % 7)
        crowd(sandbox, "/v1/customers", "", 1, at=sandbox.clock())
    done = [run_tap(tmp_path, config)]

    for turn in range(3):
        sandbox.advance((5, 700, 40_000)[turn])
        charges, customers = everything(client.charges), everything(client.customers)
        for each in charges[turn :: 9 + turn]:
            client.charges.update(each["id"], {"description": f"turn {turn}"})
        client.refunds.create({"charge": charges[turn]["id"], "amount": 100})
        client.customers.delete(customers[turn]["id"])
        client.customers.update(customers[-1]["id"], {"name": str(turn)})
        post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
        done.append(run_tap(tmp_path, config, state=done[-1].states[-1]))
    sandbox.advance(1_000)
    done.append(run_tap(tmp_path, config, state=done[-1].states[-1]))

    assert [run.code for run in done] == [0] * 5
    for stream in ("charges", "refunds"):
        assert last(done, stream) == {each["id"]: each for each in everything(getattr(client, stream))}
    alive = {each["id"]: each for each in everything(client.customers)}
    found = last(done, "customers")
    assert {each: found[each] for each in alive} == alive
    assert [found[each] for each in found.keys() - alive.keys()] == [
        {"id": each, "object": "customer", "deleted": True} for each in found.keys() - alive.keys()
    ]
    assert len(found.keys() - alive.keys()) == 3


def test_all_changes_of_a_dense_second_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    start = sandbox.clock()
    crowd(sandbox, "/v1/customers", "", 1_300, at=start - 5_000)
    sandbox.set_clock(start)
    state = run_tap(tmp_path, settings(sandbox.url)).states[-1]
    ids = [each["id"] for each in sandbox.objects("customer")]
    post(sandbox, [(f"/v1/customers/{each}", "name=Ada") for each in ids], at=start + 50)
    sandbox.set_clock(start + 1_000)

    done = run_tap(tmp_path, settings(sandbox.url), state=state)
    again = run_tap(tmp_path, settings(sandbox.url), state=done.states[-1])

    assert sorted(each["id"] for each in done.records("customers")) == sorted(ids)
    assert {each["name"] for each in done.records("customers")} == {"Ada"}
    assert again.records("customers") == []


def test_each_account_has_events_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    both = settings(sandbox.url, account_ids=["self", CONNECTED])
    for account in (PLATFORM, CONNECTED):
        post(sandbox, [("/v1/charges", A_CHARGE)] * 3, account=account)
    sandbox.advance(1_000)
    state = run_tap(tmp_path, both).states[-1]
    changed = [sandbox.objects("charge", account)[0]["id"] for account in (PLATFORM, CONNECTED)]
    for account, each in zip((PLATFORM, CONNECTED), changed, strict=True):
        official(sandbox, account).v1.charges.update(each, {"description": account})

    done = run_tap(tmp_path, both, state=state)

    assert sorted((each["_stripe_account"], each["id"], each["description"]) for each in done.records("charges")) == [
        (CONNECTED, changed[1], CONNECTED),
        (PLATFORM, changed[0], PLATFORM),
    ]


def test_without_permission_for_events_the_list_is_read(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(
        json.dumps(
            {
                "keys": {
                    Sandbox.key: {"account": PLATFORM},
                    "rk_test_reader": {"account": PLATFORM, "rights": {"charge": "read", "customer": "read"}},
                }
            }
        )
    )
    with Sandbox("--keys", str(keys)) as sandbox:
        restricted = settings(sandbox.url) | {"api_key": "rk_test_reader"}
        post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
        first = run_tap(tmp_path, restricted)
        sandbox.advance(2_000)
        post(sandbox, [("/v1/charges", A_CHARGE)] * 2)
        second = run_tap(tmp_path, restricted, state=first.states[-1])
        for each in sandbox.objects("charge"):
            official(sandbox).v1.charges.update(each["id"], {"description": "now"})
        with_right = run_tap(tmp_path, settings(sandbox.url), state=second.states[-1])

    before, after = (each.states[-1]["bookmarks"]["charges"] for each in (first, second))
    assert (first.code, second.code, with_right.code) == (2, 2, 0)
    assert (len(first.records("charges")), len(second.records("charges"))) == (3, 2)
    assert after["events_through"] == before["events_through"]
    assert after["replication_key_value"] > before["replication_key_value"]
    assert all("rak_event_read" in line for line in (*first.errors, *second.errors))
    assert len(with_right.records("charges")) == 5


def test_after_a_gap_in_the_events_the_objects_of_gap_days_are_read_again(sandbox: Sandbox, tmp_path: Path) -> None:
    day = 86_400
    start = sandbox.clock()
    crowd(sandbox, "/v1/charges", A_CHARGE, 3, at=start - 100 * day)
    crowd(sandbox, "/v1/charges", A_CHARGE, 4, at=start - 20 * day)
    crowd(sandbox, "/v1/charges", A_CHARGE, 1_100, at=start - 10 * day)
    sandbox.set_clock(start)
    state = run_tap(tmp_path, settings(sandbox.url)).states[-1]
    sandbox.set_clock(start + 40 * day)
    post(sandbox, [("/v1/charges", A_CHARGE)] * 2)

    done = run_tap(tmp_path, settings(sandbox.url), state=state)
    again = run_tap(tmp_path, settings(sandbox.url), state=done.states[-1])

    stamps = [each["created"] for each in done.records("charges")]
    assert done.code == 0
    assert "events_gap_days" in done.log
    assert (len(last([done], "charges")), min(stamps)) == (4 + 1_100 + 2, start - 20 * day)
    assert again.records("charges") == []
    assert not any(done.states[-1]["bookmarks"]["charges"].get(name) for name in ("gap_from", "gap_until"))


def test_changes_from_before_capture_was_set_to_changes_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    client, start = official(sandbox).v1, sandbox.clock()
    crowd(sandbox, "/v1/charges", A_CHARGE, 1, at=start - 200 * DAY_S)
    crowd(sandbox, "/v1/charges", A_CHARGE, 2, at=start - 5 * DAY_S)
    sandbox.set_clock(start)
    only_new = settings(sandbox.url) | {"capture": "new"}
    first = run_tap(tmp_path, only_new)
    sandbox.advance(DAY_S)
    old, young, _ = (each["id"] for each in sandbox.objects("charge"))
    for each in (old, young):
        client.charges.update(each, {"description": "changed"})
    sandbox.advance(DAY_S)
    second = run_tap(tmp_path, only_new, state=first.states[-1])

    switched = run_tap(tmp_path, settings(sandbox.url), state=second.states[-1])
    again = run_tap(tmp_path, settings(sandbox.url), state=switched.states[-1])

    assert (switched.code, second.records("charges"), again.records("charges")) == (0, [], [])
    assert "earlier runs had capture: new, so they read no events" in switched.log
    assert last([first, switched], "charges") == {each["id"]: each for each in everything(client.charges)}
    assert "capture was new" not in again.log


def test_after_a_gap_all_events_that_stripe_still_keeps_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    client, start = official(sandbox).v1, sandbox.clock()
    crowd(sandbox, "/v1/charges", A_CHARGE, 2, at=start - 300 * DAY_S)
    sandbox.set_clock(start)
    first = run_tap(tmp_path, settings(sandbox.url))
    sandbox.set_clock(start + 40 * DAY_S)
    old = sandbox.objects("charge")[0]["id"]
    client.refunds.create({"charge": old, "amount": 100})
    sandbox.set_clock(start + 45 * DAY_S)

    done = run_tap(tmp_path, settings(sandbox.url), state=first.states[-1])
    again = run_tap(tmp_path, settings(sandbox.url), state=done.states[-1])

    assert [(each["id"], each["amount_refunded"]) for each in done.records("charges")] == [(old, 100)]
    assert last([first, done], "charges") == {each["id"]: each for each in everything(client.charges)}
    assert (again.records("charges"), "events_gap_days" in again.log) == ([], False)


@EACH_STREAMS_AT_ONCE
def test_a_kill_inside_a_gap_leaves_nothing_stale(streams_at_once: int, sandbox: Sandbox, tmp_path: Path) -> None:
    """Resumed from each STATE of the run that found the gap, an hour later, which is more than EVENTS_EDGE_S."""
    config = settings(sandbox.url, streams_at_once=streams_at_once)
    client, start = official(sandbox).v1, sandbox.clock()
    for days in (300, 20, 15, 10):
        crowd(sandbox, "/v1/charges", A_CHARGE, 1 if days == 300 else 700, at=start - days * DAY_S)
    sandbox.set_clock(start)
    first = run_tap(tmp_path, settings(sandbox.url))
    old = sandbox.objects("charge")[0]["id"]
    client.charges.update(sandbox.objects("charge")[-1]["id"], {"description": "unseen"})
    sandbox.set_clock(start + 40 * DAY_S)
    client.charges.update(old, {"description": "changed, with an event"})
    gap = run_tap(tmp_path, config, state=first.states[-1])
    sandbox.advance(3_600)
    now = {each["id"]: each for each in everything(client.charges)}
    states = [each for each in gap.states if "gap_from" in each["bookmarks"]["charges"]]

    for state in states:
        killed = gap.messages[: gap.messages.index({"type": "STATE", "value": state}) + 1]
        before = {
            each["record"]["id"]: each["record"]
            for each in killed
            if each.get("stream") == "charges" and "record" in each
        }
        resumed = run_tap(tmp_path, config, state=state)
        assert last([first], "charges") | before | last([resumed], "charges") == now

    assert len(states) > 2


def test_an_object_that_changes_while_a_gap_begins_is_not_stale(sandbox: Sandbox, tmp_path: Path) -> None:
    """A new object is listed and then changes before the tap asks for the time from which it reads events."""
    client = official(sandbox).v1
    state = run_tap(tmp_path, settings(sandbox.url)).states[-1]
    sandbox.advance(40 * 86_400)
    new = client.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"}).id
    rule = {"name": "events", "match": {"path": "/v1/events"}, "at": "before_read", "times": 1}
    sandbox.faults(rule | {"action": {"kind": "hold"}})

    with ThreadPoolExecutor(1) as pool:
        # Charges come first, so theirs is the request that is held.
        running = pool.submit(run_tap, tmp_path, settings(sandbox.url, streams_at_once=1), state=state)
        try:
            sandbox.wait_until_held("events")
            sandbox.advance(5)
            client.charges.update(new, {"description": "changed"})
            sandbox.advance(5)
        finally:
            sandbox.release("events")
        done = running.result()

    assert [each["description"] for each in done.records("charges")] == [None, "changed"]


@pytest.mark.parametrize("updated_too", [False, True], ids=["deleted", "updated and deleted in one second"])
def test_the_deletion_of_a_new_customer_is_emitted(sandbox: Sandbox, tmp_path: Path, *, updated_too: bool) -> None:
    """The list no longer shows it; only the emitted ids show that it existed."""
    client = official(sandbox).v1
    customer, _ = (client.customers.create({"name": name}).id for name in ("Ada", "Emmy"))
    sandbox.advance(5)
    state = run_tap(tmp_path, settings(sandbox.url)).states[-1]
    sandbox.set_clock(sandbox.clock() + 5)  # a second begins
    if updated_too:
        client.customers.update(customer, {"name": "Gone"})
    client.customers.delete(customer)
    sandbox.advance(5)

    done = run_tap(tmp_path, settings(sandbox.url), state=state)

    assert done.records("customers") == [{"id": customer, "object": "customer", "deleted": True}]


def test_the_range_bounds_what_is_listed_and_its_end_bounds_what_changed(sandbox: Sandbox, tmp_path: Path) -> None:
    now = sandbox.clock()
    stamps = [now - 50_000, now - 40_000, now - 30_000, now - 20_000]
    for at in stamps:
        crowd(sandbox, "/v1/charges", A_CHARGE, 2, at=at)
    sandbox.set_clock(now)
    start, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in (stamps[1], stamps[3]))
    ranged = settings(sandbox.url, start_date=start, end_date=end)
    first = run_tap(tmp_path, ranged)
    for each in sandbox.objects("charge"):
        official(sandbox).v1.charges.update(each["id"], {"description": "now"})

    second = run_tap(tmp_path, ranged, state=first.states[-1])

    assert (first.code, second.code) == (0, 0)
    assert sorted(each["created"] for each in first.records("charges")) == sorted(stamps[1:3] * 2)
    assert sorted(each["created"] for each in second.records("charges")) == sorted(stamps[:3] * 2)
