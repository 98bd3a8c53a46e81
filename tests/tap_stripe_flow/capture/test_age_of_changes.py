"""`start_date` bounds what is listed: a changed object comes whatever its age. `end_date` bounds both."""

from __future__ import annotations

import pytest

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tap_stripe_flow.windows.span import iso
from tests.support.plugins import Message
from tests.support.scenes import Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW, DAY_S = 1_790_000_000, 86_400
FOLLOWED = [spec for spec in STREAMS if spec.child_of is None and (spec.events or spec.deleted_by)]
EVERY_FOLLOWED = pytest.mark.parametrize("spec", FOLLOWED, ids=lambda spec: spec.name)
OLD, YOUNG, LATE = NOW - 300 * DAY_S, NOW - 2 * DAY_S, NOW - 3_600
START, END = NOW - 3 * DAY_S, NOW - DAY_S


def an_object(spec: StreamSpec, created: int, name: str, number: int = 0) -> Message:
    return {
        "id": f"id_{created}_{number}",
        "object": spec.kind,
        "created": created,
        str(spec.stamp): created,
        "name": name,
    }


def an_event(spec: StreamSpec, at: int, payload: Message) -> Message:
    event_type = (*spec.events, *spec.deleted_by)[0]
    event = {"id": f"evt_{payload['id']}", "object": "event", "type": event_type, "created": at}
    return event | {"data": {"object": payload}}


def changed(spec: StreamSpec, replica: Replica, stripe: Scenes, *stamps: int) -> dict[str, str]:
    """The names in the records of a run after all objects of these times changed."""
    new = [an_object(spec, created, "new") for created in stamps]
    stripe.set(now=NOW + 7_200, lists={spec.path: new, "/v1/events": [an_event(spec, NOW + 3_600, e) for e in new]})
    return {each["id"]: each["name"] for each in replica.run()}


def begun(spec: StreamSpec, *stamps: int) -> Scenes:
    return Scenes(now=NOW, lists={spec.path: [an_object(spec, each, "old") for each in stamps], "/v1/events": []})


@pytest.mark.promise("tap 4", "`start_date` bounds what is listed: an older object is emitted once it changes")
@EVERY_FOLLOWED
def test_an_object_from_before_the_start_comes_once_it_changes(spec: StreamSpec) -> None:
    with begun(spec, OLD, YOUNG) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"start_date": iso(START)})
        listed = [each["created"] for each in replica.run()]
        names = changed(spec, replica, stripe, OLD, YOUNG)

    assert listed == [YOUNG]
    assert names == {f"id_{OLD}_0": "new", f"id_{YOUNG}_0": "new"}


@pytest.mark.promise("tap 4", "`end_date` bounds what is listed and what changed, for each stream")
@EVERY_FOLLOWED
def test_the_end_bounds_what_is_listed_and_what_changed(spec: StreamSpec) -> None:
    with begun(spec, OLD, YOUNG, LATE) as stripe:
        settings = {"start_date": iso(START), "end_date": iso(END)}
        replica = Replica(stream=spec.name, url=stripe.url, settings=settings)
        listed = [each["created"] for each in replica.run()]
        names = changed(spec, replica, stripe, OLD, YOUNG, LATE)

    assert listed == [YOUNG]
    assert set(names) == {f"id_{OLD}_0", f"id_{YOUNG}_0"}


@EVERY_FOLLOWED
def test_under_start_date_now_older_objects_come_once_they_change(spec: StreamSpec) -> None:
    with begun(spec, OLD, YOUNG) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"start_date": "now"})
        listed = replica.run()
        names = changed(spec, replica, stripe, OLD, YOUNG)

    assert listed == []
    assert set(names) == {f"id_{OLD}_0", f"id_{YOUNG}_0"}


@EVERY_FOLLOWED
def test_a_new_object_comes_from_the_list_unless_the_list_hides_it(spec: StreamSpec) -> None:
    """An event of an object that the list has not shown: it is left to the list, where the list will show it."""
    with begun(spec, OLD) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url)
        replica.run()
        new = an_object(spec, NOW + 7_190, "new")
        hidden = Answer(path=f"{spec.path}/{new['id']}", status=200, body=new)
        event = an_event(spec, NOW + 7_195, new)
        stripe.set(now=NOW + 7_200, lists={"/v1/events": [event]}, answers=[hidden])
        comes_by_event = [each["id"] for each in replica.run()] == [new["id"]]
        stripe.set(now=NOW + 7_800, lists={spec.path: [new]}, answers=[hidden])
        replica.run()

    is_deletion = event["type"] in spec.deleted_by
    assert comes_by_event == (spec.list_hides or is_deletion)
    assert replica.rows[new["id"]] == new


def test_a_later_start_date_does_not_pass_over_events() -> None:
    spec = next(each for each in FOLLOWED if each.name == "charges")
    with begun(spec, OLD, YOUNG) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"start_date": iso(START)})
        replica.run()
        new = [an_object(spec, created, "new") for created in (OLD, YOUNG)]
        events = [an_event(spec, NOW + 3_600, each) for each in new]
        stripe.set(now=NOW + 3 * DAY_S, lists={spec.path: new, "/v1/events": events})
        names = {each["id"]: each["name"] for each in replica.run(start_date=iso(NOW + 2 * DAY_S))}

    assert names == {f"id_{OLD}_0": "new", f"id_{YOUNG}_0": "new"}
