"""Events are in the API version of the account: members may be missing, or have another shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stripe_flow.api.errors import UnreadableAnswer
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Message
from tests.support.scenes import REFUSED, Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW = 1_790_000_000
MADE = NOW - 50_000
CHANGED = [spec for spec in STREAMS if spec.child_of is None and spec.events]
ABSENT = object()
# What replaces a member of the payload. Every event still names its object.
SHAPES: Mapping[str, Mapping[str, object]] = {
    "as it is": {},
    "without the stamp": {"created": ABSENT},
    "the stamp of old invoices": {"created": ABSENT, "date": MADE},
    "null": {"created": None},
    "a fraction": {"created": MADE + 0.5},
    "text": {"created": "2026-09-01T00:00:00Z"},
    "milliseconds": {"created": MADE * 1000},
    "negative": {"created": -1},
    "lists as arrays": {"created": ABSENT, "lines": [], "refunds": [{"id": "re_1"}], "sources": [{"object": "card"}]},
    "without its kind": {"object": ABSENT},
    "its kind is null": {"object": None, "created": ABSENT},
    "only the id": {"object": ABSENT, "created": ABSENT, "name": ABSENT},
}
# Payloads, and whole members `data`, that do not say which object changed.
NAMELESS: Mapping[str, Any] = {
    "no id": {"object": {"object": "charge", "created": MADE}},
    "id null": {"object": {"id": None, "object": "charge"}},
    "id empty": {"object": {"id": "", "object": "charge"}},
    "id a number": {"object": {"id": 7, "object": "charge"}},
    "object null": {"object": None},
    "object an array": {"object": []},
    "object a text": {"object": "ch_1"},
    "no object": {},
    "data null": None,
    "data an array": [],
}


def an_object(spec: StreamSpec, object_id: str, name: str) -> Message:
    return {"id": object_id, "object": spec.kind, "created": MADE, str(spec.stamp): MADE, "name": name}


def an_event(event_type: str, at: int, data: object, number: int = 0, **members: object) -> Message:
    return {"id": f"evt_{at}_{number}", "object": "event", "type": event_type, "created": at, "data": data, **members}


def reshaped(payload: Message, shape: Mapping[str, object]) -> Message:
    return {name: value for name, value in {**payload, **shape}.items() if value is not ABSENT}


@pytest.mark.promise("tap 4", "An event in the shape of any API version names its object, for each stream")
@pytest.mark.parametrize("spec", CHANGED, ids=lambda spec: spec.name)
def test_an_event_in_any_shape_names_its_object(spec: StreamSpec) -> None:
    ids = {f"id_{number}": shape for number, shape in enumerate(SHAPES)}
    with Scenes(now=NOW, lists={spec.path: [an_object(spec, each, "old") for each in ids], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        events = [
            an_event(
                spec.events[number % len(spec.events)],
                NOW + 100,
                {"object": reshaped(an_object(spec, each, "new"), SHAPES[shape])},
                number,
                request=("req_1", {"id": "req_1"}, None)[number % 3],
            )
            for number, (each, shape) in enumerate(ids.items())
        ]
        new = [an_object(spec, each, "new") for each in ids]
        stripe.set(now=NOW + 7_200, lists={spec.path: new, "/v1/events": events})
        changed = replica.run()
        stripe.set(now=NOW + 9_000)
        quiet = replica.run()

    assert sorted(each["id"] for each in changed) == sorted(ids)
    assert replica.rows == {each["id"]: each for each in new}
    assert quiet == []


def test_an_event_of_a_child_may_lack_its_kind() -> None:
    def customer(status: str) -> Message:
        source = {"id": "src_1", "object": "source", "customer": "cus_1", "status": status}
        nested = {"object": "list", "data": [source], "has_more": False, "url": "/v1/customers/cus_1/sources"}
        return {"id": "cus_1", "object": "customer", "created": MADE, "sources": nested}

    with Scenes(now=NOW, lists={"/v1/customers": [customer("pending")], "/v1/events": []}) as stripe:
        replica = Replica(stream="payment_sources", url=stripe.url)
        replica.run()
        event = an_event("source.chargeable", NOW + 100, {"object": {"id": "src_1", "customer": "cus_1"}})
        stripe.set(now=NOW + 7_200, lists={"/v1/customers": [customer("chargeable")], "/v1/events": [event]})
        replica.run()

    assert replica.rows["src_1"]["status"] == "chargeable"


@pytest.mark.promise("tap 4", "An event that names no object is logged, and the bookmark of events stays before it")
@pytest.mark.parametrize("data", NAMELESS.values(), ids=NAMELESS)
def test_an_event_that_names_nothing_is_told_and_not_passed(data: object) -> None:
    """The other changes come. The stream fails, and the next run reads from the event again."""
    spec = next(each for each in CHANGED if each.name == "charges")
    ids = ["ch_1", "ch_2", "ch_3"]
    with Scenes(now=NOW, lists={spec.path: [an_object(spec, each, "old") for each in ids], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        before = replica.state.get("events_reread_from")
        named = [
            an_event("charge.updated", NOW + 100 + number, {"object": an_object(spec, each, "new")}, number)
            for number, each in enumerate(ids)
        ]
        odd = an_event("charge.updated", NOW + 101, data, 9)
        new = [an_object(spec, each, "new") for each in ids]
        stripe.set(now=NOW + 7_200, lists={spec.path: new, "/v1/events": [*named, odd]})
        replica.run()
        error, held = replica.error, replica.state.get("events_reread_from")
        stripe.set(now=NOW + 9_000, lists={"/v1/events": named})
        replica.run()

    assert isinstance(error, UnreadableAnswer)
    assert error.exit_code == 2
    assert odd["id"] in str(error)
    assert held == before
    assert replica.error is None
    assert replica.rows == {each["id"]: each for each in new}
    assert replica.state["events_reread_from"] == NOW + 9_000 - 601


@pytest.mark.parametrize("spec", CHANGED, ids=lambda spec: spec.name)
def test_an_event_of_another_object_type_never_enters(spec: StreamSpec) -> None:
    with Scenes(now=NOW, lists={spec.path: [an_object(spec, "id_1", "old")], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        other = an_event(spec.events[0], NOW + 100, {"object": {"id": "id_1", "object": "other", "created": MADE}})
        stripe.set(now=NOW + 7_200, lists={"/v1/events": [other]})

        assert replica.run() == []
    assert replica.error is None


UNREAD = {
    "refused": Answer(path="/v1/coupons/c_2", status=400, body=REFUSED),
    "forbidden": Answer(path="/v1/coupons/c_2", status=403, body=REFUSED),
    "no object": Answer(path="/v1/coupons/c_2", status=200, body=[1]),
}


@pytest.mark.promise("tap 4", "A changed object that cannot be read holds up no other")
@pytest.mark.parametrize("event_type", ["coupon.updated", "coupon.deleted"])
@pytest.mark.parametrize("unread", UNREAD.values(), ids=UNREAD.keys())
def test_a_changed_object_that_cannot_be_read_holds_up_no_other(unread: Answer, event_type: str) -> None:
    """The bookmark of the events stays, so the object comes once it can be read."""

    def coupon(number: int, name: str) -> Message:
        return {"id": f"c_{number}", "object": "coupon", "created": NOW - 900_000 * number, "name": name}

    before, after = ([coupon(number, name) for number in (1, 2, 3)] for name in ("before", "after"))
    events = [
        {"id": f"evt_{at}", "object": "event", "type": event_type, "created": NOW + at, "data": {"object": each}}
        for at, each in enumerate(before, 60)
    ]
    with Scenes(now=NOW, lists={"/v1/coupons": before, "/v1/events": []}) as stripe:
        replica = Replica(stream="coupons", url=stripe.url)
        replica.run()
        listed = [after[0], after[2]]  # a page of the list would show the object, too
        stripe.set(now=NOW + 600, lists={"/v1/coupons": listed, "/v1/events": events}, answers=[unread])
        changed, error = replica.run(), replica.error
        stripe.set(now=NOW + 1_200, lists={"/v1/coupons": after})
        replica.run()

    assert sorted(each["id"] for each in changed) == ["c_1", "c_3"]
    assert error is not None
    assert str(error).startswith("GET /v1/coupons/")
    assert (replica.error, replica.rows) == (None, {each["id"]: each for each in after})
