"""Lists that do not show all objects, and events of objects that other events do not name."""

from __future__ import annotations

import pytest

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Message
from tests.support.scenes import Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW = 1_790_000_000
HIDING = [spec for spec in STREAMS if spec.list_hides]
SOURCES = next(spec for spec in STREAMS if spec.name == "payment_sources")


def an_event(event_type: str, at: int, payload: Message) -> Message:
    event = {"id": f"evt_{event_type}_{at}", "object": "event", "type": event_type, "created": at}
    return event | {"data": {"object": payload}}


def a_review(*, is_open: bool, created: int = NOW + 3_060) -> Message:
    return {"id": "prv_1", "object": "review", "created": created, "open": is_open, "charge": "ch_1"}


def test_these_are_the_streams_whose_list_hides_objects() -> None:
    assert {spec.name for spec in HIDING} == {"reviews", "prices"}


@pytest.mark.promise("tap 4", "A review that was opened and closed between two runs is emitted once")
def test_a_review_that_was_opened_and_closed_between_two_runs_comes_once_by_its_id() -> None:
    closed = a_review(is_open=False)
    with Scenes(now=NOW, lists={"/v1/reviews": [], "/v1/events": []}) as stripe:
        replica = Replica(stream="reviews", url=stripe.url)
        replica.run()
        by_id = Answer(path="/v1/reviews/prv_1", status=200, body=closed)
        events = [
            an_event("review.opened", NOW + 3_060, a_review(is_open=True)),
            an_event("review.closed", NOW + 3_300, closed),
        ]
        stripe.set(now=NOW + 3_600, lists={"/v1/events": events}, answers=[by_id])
        first = replica.run()
        stripe.set(now=NOW + 4_000, answers=[by_id])
        second = replica.run()

    assert (first, second) == ([closed], [])


@pytest.mark.parametrize("age_s", [30, 500, 700])
def test_a_price_that_was_made_and_deactivated_between_two_runs_comes_once_by_its_id(age_s: int) -> None:
    made = NOW + 3_600 - age_s
    inactive = {"id": "price_1", "object": "price", "created": made, "active": False}
    with Scenes(now=NOW, lists={"/v1/prices": [], "/v1/events": []}) as stripe:
        replica = Replica(stream="prices", url=stripe.url)
        replica.run()
        by_id = Answer(path="/v1/prices/price_1", status=200, body=inactive)
        event = an_event("price.updated", made + 5, inactive)
        stripe.set(now=NOW + 3_600, lists={"/v1/events": [event]}, answers=[by_id])
        first = replica.run()
        stripe.set(now=NOW + 7_200, answers=[by_id])
        second = replica.run()

    assert (first, second) == ([inactive], [])


def test_a_review_that_the_list_showed_comes_again_once_it_is_closed() -> None:
    opened, closed = (a_review(is_open=is_open, created=NOW - 60) for is_open in (True, False))
    with Scenes(now=NOW, lists={"/v1/reviews": [opened], "/v1/events": []}) as stripe:
        replica = Replica(stream="reviews", url=stripe.url)
        first = replica.run()
        by_id = Answer(path="/v1/reviews/prv_1", status=200, body=closed)
        lists = {"/v1/reviews": [], "/v1/events": [an_event("review.closed", NOW + 30, closed)]}
        stripe.set(now=NOW + 600, lists=lists, answers=[by_id])
        second = replica.run()
        stripe.set(now=NOW + 1_200, answers=[by_id])
        third = replica.run()

    assert (first, second, third) == ([opened], [closed], [])


def a_customer(number: int, status: str) -> Message:
    source = {
        "id": f"src_{number}",
        "object": "source",
        "created": NOW - 900,
        "customer": f"cus_{number}",
        "status": status,
    }
    nested = {"object": "list", "data": [source], "has_more": False, "url": f"/v1/customers/cus_{number}/sources"}
    return {"id": f"cus_{number}", "object": "customer", "created": NOW - 1_000, "sources": nested}


@pytest.mark.parametrize("event_type", [*SOURCES.events, *SOURCES.deleted_by])
def test_every_event_of_a_source_reads_its_customer_again(event_type: str) -> None:
    old, new = ([a_customer(number, status) for number in (1, 2)] for status in ("pending", "failed"))
    with Scenes(now=NOW, lists={"/v1/customers": old, "/v1/events": []}) as stripe:
        replica = Replica(stream="payment_sources", url=stripe.url)
        replica.run()
        payloads = [new[0]["sources"]["data"][0], {**new[1]["sources"]["data"][0], "customer": None}]
        events = [an_event(event_type, NOW + 3_600 + number, each) for number, each in enumerate(payloads)]
        stripe.set(now=NOW + 7_200, lists={"/v1/customers": new, "/v1/events": events})
        changed = replica.run()

    # The second source is not attached to a customer.
    assert [(each["id"], each["status"]) for each in changed] == [("src_1", "failed")]


def test_changed_children_in_numbers_are_read_from_pages_of_their_parents() -> None:
    def customer(number: int, brand: str) -> Message:
        card = {"id": f"card_{number}", "object": "card", "customer": f"cus_{number}", "brand": brand}
        nested = {"object": "list", "data": [card], "has_more": False, "url": f"/v1/customers/cus_{number}/sources"}
        return {"id": f"cus_{number}", "object": "customer", "created": NOW - 90_000 + number, "sources": nested}

    old, new = ([customer(number, brand) for number in range(300)] for brand in ("old", "new"))
    with Scenes(now=NOW, lists={"/v1/customers": old, "/v1/events": []}) as stripe:
        replica = Replica(stream="payment_sources", url=stripe.url)
        replica.run()
        cards = [each["sources"]["data"][0] for each in new]
        events = [an_event("customer.source.updated", NOW + 3_600 + number, card) for number, card in enumerate(cards)]
        stripe.set(now=NOW + 7_200, lists={"/v1/customers": new, "/v1/events": events})
        before = len(stripe.asked)
        changed = replica.run()
        requests = [each.path for each in stripe.asked[before:] if each.path.startswith("/v1/customers")]

    assert {each["brand"] for each in changed} == {"new"}
    assert len(changed) == 300
    assert len(requests) <= 5
