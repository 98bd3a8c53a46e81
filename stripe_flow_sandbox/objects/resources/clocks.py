"""Test clocks, which freeze the time of the objects on them; https://docs.stripe.com/api/test_clocks."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, decode, integer
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.resource import Operation, Resource
from stripe_flow_sandbox.parameters.accepted import EXPAND
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state.space import Call

TEST_CLOCK = "test_helpers.test_clock"
PATH, PERMISSION = "/v1/test_helpers/test_clocks", "billing_clock"
KEPT_S = 30 * 24 * 60 * 60


def _clock(call: Call, clock_id: str, frozen_time: object, name: object = None) -> Object:
    return {
        "id": clock_id,
        "object": TEST_CLOCK,
        "created": call.now,
        "deletes_after": call.now + KEPT_S,
        "frozen_time": frozen_time,
        "livemode": False,
        "name": name,
        "status": "ready",
        "status_details": {},
    }


def _create(call: Call) -> Object:
    if call.space.livemode:
        raise invalid("Test clocks can only be created in test mode.")
    made = _clock(call, call.space.new_id(TEST_CLOCK), call.params["frozen_time"], call.params.get("name"))
    return call.add(made, f"{TEST_CLOCK}.created")


def clock_named(call: Call, clock_id: str) -> Object:
    """The clock that a new customer names. An unknown one is made, frozen at the sandbox's time.

    Stripe refuses an unknown clock; here a test may name any. Raises Refusal (400) for a deleted one, or in live mode.
    """
    found = call.space.find(TEST_CLOCK, clock_id)
    if call.space.livemode or (found is not None and found.get("deleted")):
        raise refuse("resource_missing", status=400, param="test_clock", noun="test clock", id=clock_id, hint="")
    return call.add(_clock(call, clock_id, call.now), f"{TEST_CLOCK}.created") if found is None else found


def _advance(call: Call) -> Object:
    """Move a clock to a later time: it is `advancing` in this answer, and ready in the next one."""
    found, target = TEST_CLOCKS.retrieve(call), integer(call.params["frozen_time"])
    if target <= integer(found["frozen_time"]):
        raise invalid("A test clock can only be advanced to a later time.", param="frozen_time")
    ready = found | {"frozen_time": target}
    call.space.plan(call.now, lambda later: _arrive(later, ready))
    details = {"advancing": {"target_frozen_time": target}}
    return call.change(found | {"status": "advancing", "status_details": details}, f"{TEST_CLOCK}.advancing")


def _arrive(call: Call, ready: Object) -> None:
    if call.space[TEST_CLOCK].place(str(ready["id"])) is not None:
        call.change(ready, f"{TEST_CLOCK}.ready")


def _delete_customers(call: Call, clock: Object) -> None:
    """A deleted clock takes its customers with it."""
    customers = call.space["customer"]
    on_clock = customers.index("test_clock").get(str(clock["id"]))
    places = list(on_clock.between(0, len(on_clock), newest_first=False)) if on_clock else []
    for place in places:
        call.remove(decode(customers.body_at(place)), "customer.deleted")


_FROZEN_TIME = Param(type="integer", required=True)

TEST_CLOCKS = Resource(
    noun=TEST_CLOCK,
    path=PATH,
    permission=PERMISSION,
    is_timed=False,
    create=_create,
    create_params={"frozen_time": _FROZEN_TIME, "name": Param(type="string"), **EXPAND},
    delete=_delete_customers,
    deleted_events=(f"{TEST_CLOCK}.deleted",),
)
ADVANCE = Operation(
    method="POST",
    path=f"{PATH}/{{id}}/advance",
    permission=PERMISSION,
    params={"frozen_time": _FROZEN_TIME, **EXPAND},
    run=_advance,
)
