"""A deletion is emitted once a read has confirmed it: another object may have the id since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from stripe_flow.api.errors import UnreadableAnswer
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, PARENT_MEMBER
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Message, a_config, run_tap
from tests.support.scenes import MISSING, REFUSED, Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica
from tests.tap_stripe_flow.furnishing import with_selected
from tests.tap_stripe_flow.inside import run_inside

NOW, TICK_S = 1_790_000_000, 600
MADE = NOW - 50_000
DELETED = [spec for spec in STREAMS if spec.child_of is None and spec.deleted_by]
NO_EVENTS = Answer(path="/v1/events", status=403, body={"error": {"type": "invalid_request_error", "code": "x"}})


def an_object(spec: StreamSpec, object_id: str, created: int, description: str) -> Message:
    return {"id": object_id, "object": spec.kind, str(spec.stamp): created, "created": created, "name": description}


def an_event(event_type: str, at: int, payload: Message, number: int = 0) -> Message:
    return {
        "id": f"evt_{at}_{number}",
        "object": "event",
        "type": event_type,
        "created": at,
        "data": {"object": payload},
    }


def gone(spec: StreamSpec, object_id: str) -> Message:
    return {"id": object_id, "object": spec.kind, "deleted": True}


class World:
    """Four objects that events call deleted: only two of them are gone, by a 404 and by `deleted: true`."""

    def __init__(self, spec: StreamSpec) -> None:
        self.spec = spec
        self.before = [an_object(spec, each, MADE, "before") for each in ("AGAIN", "THERE", "UNKNOWN", "SAID")]
        self.after = [an_object(spec, "THERE", MADE, "after"), an_object(spec, "AGAIN", NOW + 602, "after")]
        self.answers = [Answer(path=f"{spec.path}/SAID", status=200, body=gone(spec, "SAID"))]

    def events(self, *, visible_from: int = 0) -> Sequence[Message]:
        payloads = enumerate(self.before)
        deleted = self.spec.deleted_by[0]
        return [an_event(deleted, NOW + 600, each, number) | {"_from": visible_from} for number, each in payloads]

    def change(self, stripe: Scenes, now: int, *, answers: Sequence[Answer] = (), visible_from: int = 0) -> None:
        lists = {self.spec.path: self.after, "/v1/events": self.events(visible_from=visible_from)}
        stripe.set(now=now, lists=lists, answers=[*self.answers, *answers])

    @property
    def right(self) -> dict[str, Message]:
        return {each["id"]: each for each in [*self.after, gone(self.spec, "UNKNOWN"), gone(self.spec, "SAID")]}


EVERY_DELETED = pytest.mark.parametrize("spec", DELETED, ids=lambda spec: spec.name)


@pytest.mark.promise("tap 4", "A deleted object that exists again is emitted as it is, for each stream with deletions")
@EVERY_DELETED
def test_an_object_that_exists_again_is_emitted_as_it_is(spec: StreamSpec) -> None:
    world = World(spec)
    with Scenes(now=NOW, lists={spec.path: world.before, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        world.change(stripe, NOW + 632)
        replica.run()
        after = dict(replica.rows)
        world.change(stripe, NOW + 632 + TICK_S)
        replica.run()
        world.change(stripe, NOW + 632 + 2 * TICK_S)
        quiet = replica.run()

    assert (after, replica.rows, quiet) == (world.right, world.right, [])


@pytest.mark.promise("tap 4", "A deletion is emitted once a read has confirmed it, also when its event is late")
@EVERY_DELETED
def test_the_event_of_a_deletion_may_be_late(spec: StreamSpec) -> None:
    world = World(spec)
    with Scenes(now=NOW, lists={spec.path: world.before, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        world.change(stripe, NOW + 700, visible_from=NOW + 1_000)
        replica.run()
        seen_by_the_list = replica.rows["AGAIN"]
        world.change(stripe, NOW + 1_100, visible_from=NOW + 1_000)
        replica.run()

    assert seen_by_the_list == world.after[1]
    assert replica.rows == world.right


@pytest.mark.promise("tap 4", "If a run lacks the permission for events, a later run emits the deletions")
@EVERY_DELETED
def test_a_run_without_the_permission_for_events_does_not_lose_the_truth(spec: StreamSpec) -> None:
    world = World(spec)
    with Scenes(now=NOW, lists={spec.path: world.before, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        world.change(stripe, NOW + 700, answers=[NO_EVENTS])
        replica.run()
        assert replica.error is not None
        world.change(stripe, NOW + 50_000)
        replica.run()

    assert replica.error is None
    assert replica.rows == world.right


@EVERY_DELETED
def test_a_change_of_capture_does_not_lose_the_truth(spec: StreamSpec) -> None:
    world = World(spec)
    with Scenes(now=NOW, lists={spec.path: world.before, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run(capture="new")
        world.change(stripe, NOW + 700)
        replica.run(capture="new")
        world.change(stripe, NOW + 50_000)
        replica.run()

    assert replica.rows == world.right


@EVERY_DELETED
def test_an_object_that_was_deleted_while_a_run_read_it_may_come_again(spec: StreamSpec) -> None:
    """The list of the run that emits the deletion still showed the object, so its id is in the state."""
    young, again = (an_object(spec, "AGAIN", created, name) for created, name in ((NOW + 500, "a"), (NOW + 700, "b")))
    with Scenes(now=NOW, lists={spec.path: [], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        lists = {spec.path: [young], "/v1/events": [an_event(spec.deleted_by[0], NOW + 600, young)]}
        stripe.set(now=NOW + 600, lists=lists, answers=[Answer(path=f"{spec.path}/AGAIN", status=404, body=MISSING)])
        replica.run()
        deleted = replica.rows["AGAIN"]
        stripe.set(now=NOW + 720, lists={spec.path: [again]})
        replica.run()

    assert deleted == gone(spec, "AGAIN")
    assert replica.rows["AGAIN"] == again


def test_an_object_that_was_replaced_behind_the_end_of_the_range_is_still_told() -> None:
    spec = next(each for each in DELETED if each.name == "coupons")
    world = World(spec)
    with Scenes(now=NOW, lists={spec.path: world.before, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"end_date": "2026-09-21T13:00:00Z"})
        replica.run()
        world.change(stripe, NOW + 700)
        replica.run()

    assert replica.rows == world.right


CHILDREN = [spec for spec in STREAMS if spec.child_of is not None and spec.deleted_by]


def test_the_list_of_a_parent_shows_whether_a_child_is_deleted() -> None:
    assert {spec.name for spec in CHILDREN} == {"payment_sources", "customer_tax_ids"}
    assert all(spec.child_of is not None and spec.child_of.list_member for spec in CHILDREN)


@pytest.mark.promise("tap 4", "A child object is emitted as deleted only if its parent no longer shows it")
@pytest.mark.parametrize("spec", CHILDREN, ids=lambda spec: spec.name)
def test_only_children_that_their_parent_no_longer_shows_are_deleted(spec: StreamSpec) -> None:
    assert spec.child_of is not None
    member, reference = str(spec.child_of.list_member), str(spec.child_of.parent_reference)

    def parent(object_id: str, *children: str) -> Message:
        whole = [{"id": each, "object": spec.kind, reference: object_id} for each in children]
        nested = {"object": "list", "data": whole, "has_more": False, "url": f"/v1/customers/{object_id}/{member}"}
        return {"id": object_id, "object": "customer", "created": MADE, member: nested}

    def deleted(at: int, child: str, of: str) -> Message:
        return an_event(spec.deleted_by[0], at, {"id": child, "object": spec.kind, reference: of}, int(child[-1]))

    parents = [parent("cus_1", "c_1", "c_2", "c_3"), parent("cus_2", "c_4"), parent("cus_3", "c_5")]
    with Scenes(now=NOW, lists={"/v1/customers": parents, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        events = [deleted(NOW + 600, f"c_{number}", of) for number, of in ((1, "cus_1"), (2, "cus_1"), (4, "cus_2"))]
        left = [parent("cus_1", "c_1", "c_3"), parents[2]]
        stripe.set(now=NOW + 700, lists={"/v1/customers": left, "/v1/events": events})
        replica.run()

    no_more = {f"c_{number}": of for number, of in ((2, "cus_1"), (4, "cus_2"))}
    assert {each for each, row in replica.rows.items() if row.get("deleted")} == set(no_more)
    assert {each: replica.rows[each][PARENT_MEMBER] for each in no_more} == no_more
    assert set(replica.rows) == {f"c_{number}" for number in range(1, 6)}


def a_customer(object_id: str, spec: StreamSpec, *children: str) -> tuple[Message, list[Message]]:
    """A customer, whose list is cut after ten entries as Stripe cuts it, and all its children."""
    assert spec.child_of is not None
    member, reference = str(spec.child_of.list_member), str(spec.child_of.parent_reference)
    whole: list[Message] = [{"id": each, "object": spec.kind, reference: object_id} for each in children]
    url = f"/v1/customers/{object_id}/{member}"
    nested = {"object": "list", "data": whole[:10], "has_more": len(whole) > 10, "url": url}
    return {"id": object_id, "object": "customer", "created": MADE, member: nested}, whole


@pytest.mark.promise("tap 4", "A child object on a later page of its parent's list is not emitted as deleted")
@pytest.mark.parametrize("account", [None, "acct_1"])
@pytest.mark.parametrize("spec", CHILDREN, ids=lambda spec: spec.name)
def test_a_child_on_a_later_page_of_its_parent_is_not_deleted(spec: StreamSpec, account: str | None) -> None:
    """The list that shows it is read once, for the deletions and for the children."""
    assert spec.child_of is not None
    customer, whole = a_customer("cus_1", spec, *(f"c_{number}" for number in range(15)))
    url = f"/v1/customers/cus_1/{spec.child_of.list_member}"
    with Scenes(now=NOW, lists={"/v1/customers": [customer], url: whole, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, account=account)
        replica.run()
        events = [an_event(spec.deleted_by[0], NOW + 600, whole[number], number) for number in (11, 12)]
        stripe.set(now=NOW + 700, lists={url: whole[:12] + whole[13:], "/v1/events": events})
        before = len(stripe.asked)
        emitted = replica.run()
        asked = [each for each in stripe.asked[before:] if each.path == url]

    assert len(asked) == 1
    assert {(each[PARENT_MEMBER], each.get(ACCOUNT_MEMBER)) for each in emitted} == {("cus_1", account)}
    assert sorted(each["id"] for each in emitted) == sorted(each["id"] for each in whole)
    assert [each for each, row in replica.rows.items() if row.get("deleted")] == ["c_12"]


@pytest.mark.parametrize("spec", CHILDREN, ids=lambda spec: spec.name)
def test_a_parent_that_lacks_its_time_is_not_deleted(spec: StreamSpec) -> None:
    customer, [child] = a_customer("cus_1", spec, "c_1")
    with Scenes(now=NOW, lists={"/v1/customers": [customer], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        odd = Answer(path="/v1/customers/cus_1", status=200, body=customer | {"created": None})
        events = [an_event(spec.deleted_by[0], NOW + 600, child)]
        stripe.set(now=NOW + 700, lists={"/v1/events": events}, answers=[odd])
        replica.run()

    assert replica.rows == {"c_1": child | {PARENT_MEMBER: "cus_1"}}


@pytest.mark.promise("tap 4", "A child object that another parent shows is not emitted as deleted")
@pytest.mark.parametrize("spec", CHILDREN, ids=lambda spec: spec.name)
def test_a_child_that_another_parent_shows_is_not_deleted(spec: StreamSpec) -> None:
    (first, [child]), (second, _) = a_customer("cus_1", spec, "c_1"), a_customer("cus_2", spec)
    with Scenes(now=NOW, lists={"/v1/customers": [first, second], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        (first, _), (second, [moved]) = a_customer("cus_1", spec), a_customer("cus_2", spec, "c_1")
        events = [an_event(spec.deleted_by[0], NOW + 600, child), an_event(spec.events[0], NOW + 601, moved)]
        stripe.set(now=NOW + 700, lists={"/v1/customers": [first, second], "/v1/events": events})
        replica.run()

    assert replica.rows == {"c_1": moved | {PARENT_MEMBER: "cus_2"}}


@pytest.mark.parametrize("spec", CHILDREN, ids=lambda spec: spec.name)
def test_a_deletion_comes_though_the_children_of_another_parent_are_refused(spec: StreamSpec, tmp_path: Path) -> None:
    assert spec.child_of is not None
    first, whole = a_customer("cus_1", spec, *(f"c_{number}" for number in range(15)))
    (second, [child]), (third, _) = a_customer("cus_2", spec, "c_99"), a_customer("cus_3", spec)
    url = f"/v1/customers/cus_1/{spec.child_of.list_member}"
    lists = {"/v1/customers": [first, second, third], url: whole, "/v1/events": []}
    with Scenes(now=NOW, lists=lists) as stripe:
        settings = a_config(stripe.url, capture="changes", customers_mode="list")
        catalog = with_selected(json.loads(run_tap(tmp_path, settings, "--discover").output), spec.name)
        begun = run_inside(tmp_path, settings, catalog=catalog)
        events = [
            an_event(spec.deleted_by[0], NOW + 600, child),
            an_event(spec.events[0], NOW + 601, whole[0]),
        ]
        refused = Answer(path=url, status=403, body=REFUSED)
        stripe.set(now=NOW + 700, lists={"/v1/customers": [first, third], "/v1/events": events}, answers=[refused])
        ended = run_inside(tmp_path, settings, catalog=catalog, state=begun.states[-1])

    deleted = gone(spec, "c_99") | {PARENT_MEMBER: "cus_2"}
    assert (ended.code, ended.records(spec.name)) == (2, [deleted])
    assert "cus_1" in str(ended.states[-1])


@pytest.mark.parametrize("shown", [None, [], {"object": "list"}, {"object": "list", "data": [{"object": "card"}]}])
def test_a_parent_that_does_not_show_its_children_confirms_no_deletion(shown: object) -> None:
    card = {"id": "card_1", "object": "card", "customer": "cus_1"}
    nested = {"object": "list", "data": [card], "has_more": False, "url": "/v1/customers/cus_1/sources"}
    customer = {"id": "cus_1", "object": "customer", "created": MADE, "sources": nested}
    with Scenes(now=NOW, lists={"/v1/customers": [customer], "/v1/events": []}) as stripe:
        replica = Replica(stream="payment_sources", url=stripe.url)
        replica.run()
        events = [an_event("customer.source.deleted", NOW + 600, card)]
        stripe.set(now=NOW + 700, lists={"/v1/customers": [customer | {"sources": shown}], "/v1/events": events})
        replica.run()
        error = replica.error
        stripe.set(now=NOW + 800, lists={"/v1/customers": [customer | {"sources": nested | {"data": []}}]})
        replica.run()

    assert isinstance(error, UnreadableAnswer)
    assert (replica.error, replica.rows["card_1"].get("deleted")) == (None, True)


def test_deletions_that_are_none_are_read_from_pages() -> None:
    """Many events of deletions, of objects that a page of the list shows."""
    spec = next(each for each in DELETED if each.name == "coupons")
    old = [an_object(spec, f"SAVE{number}", MADE + number, "before") for number in range(300)]
    new = [an_object(spec, f"SAVE{number}", NOW + 100 + number % 7, "after") for number in range(300)]
    with Scenes(now=NOW, lists={spec.path: old, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        events = [an_event("coupon.deleted", NOW + 90, each, number) for number, each in enumerate(old)]
        stripe.set(now=NOW + 120, lists={spec.path: new, "/v1/events": events})
        before = len(stripe.asked)
        replica.run()
        requests = len(stripe.asked) - before

    assert replica.rows == {each["id"]: each for each in new}
    assert requests <= 20


def test_a_missing_object_costs_one_request() -> None:
    spec = next(each for each in DELETED if each.name == "coupons")
    old = [an_object(spec, f"SAVE{number}", MADE + number, "before") for number in range(300)]
    with Scenes(now=NOW, lists={spec.path: old, "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        events = [an_event("coupon.deleted", NOW + 90, each, number) for number, each in enumerate(old)]
        stripe.set(now=NOW + 120, lists={spec.path: [], "/v1/events": events})
        before = len(stripe.asked)
        replica.run()
        requests = [each for each in stripe.asked[before:] if each.path.startswith(spec.path)]

    assert replica.rows == {each["id"]: gone(spec, each["id"]) for each in old}
    assert len(requests) <= 310
