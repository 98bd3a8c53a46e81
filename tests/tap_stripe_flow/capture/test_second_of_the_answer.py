"""`overlap_s: 0` still catches an object of the second in which a list was read, without being shown in it."""

from __future__ import annotations

import pytest

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Message
from tests.support.scenes import Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW = 1_790_000_000
BY_TIME = [spec for spec in STREAMS if spec.child_of is None and spec.stamp is not None]


def an_object(spec: StreamSpec, object_id: str, created: int, **members: object) -> Message:
    return {"id": object_id, "object": spec.kind, "created": created, str(spec.stamp): created, "type": "x", **members}


@pytest.mark.promise(
    "tap 2",
    "With `overlap_s: 0` an object of the second in which a list was read is emitted, for each stream",
)
@pytest.mark.parametrize("spec", BY_TIME, ids=lambda spec: spec.name)
def test_an_object_of_the_second_of_the_answer_comes_once(spec: StreamSpec) -> None:
    first = an_object(spec, "id_0", NOW - 100)
    with Scenes(now=NOW, lists={spec.path: [first]}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"overlap_s": 0, "capture": "new"})
        records = replica.run()
        late = an_object(spec, "id_1", NOW + 100, _from=NOW + 101)
        # The list is read, then its second ends, and then the answer leaves.
        turn = Answer(path=spec.path, times=1, then_now=NOW + 101)
        stripe.set(now=NOW + 100, lists={spec.path: [first, late]}, answers=[turn])
        records += replica.run()
        for pause_s in (700, 1_400):
            stripe.set(now=NOW + pause_s)
            records += replica.run()

    assert [each["id"] for each in records] == ["id_0", "id_1"]


def test_an_event_of_the_second_of_the_answer_is_followed() -> None:
    spec = next(each for each in BY_TIME if each.name == "charges")
    old, new = (an_object(spec, "id_0", NOW - 90_000, amount=amount) for amount in (1, 2))
    with Scenes(now=NOW, lists={spec.path: [old], "/v1/events": []}) as stripe:
        replica = Replica(stream=spec.name, url=stripe.url, settings={"overlap_s": 0})
        replica.run()
        event = {"id": "evt_1", "object": "event", "type": "charge.updated", "created": NOW + 100, "_from": NOW + 101}
        turn = Answer(path="/v1/events", times=1, then_now=NOW + 101)
        lists = {spec.path: [new], "/v1/events": [event | {"data": {"object": old}}]}
        stripe.set(now=NOW + 100, lists=lists, answers=[turn])
        replica.run()
        stripe.set(now=NOW + 700)
        replica.run()

    assert replica.rows == {"id_0": new}
