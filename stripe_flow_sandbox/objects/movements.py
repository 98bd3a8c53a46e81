"""Balance transactions of what moves money; https://docs.stripe.com/api/balance_transactions."""

from __future__ import annotations

from collections.abc import Callable

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.examples import new_example
from stripe_flow_sandbox.state.space import Call

NOUN = "balance_transaction"
AVAILABLE_AFTER_S = 2 * 24 * 60 * 60


def move(call: Call, source: Object, amount: int, **values: object) -> Object:
    """Store the balance transaction of `source`: `amount` minor units of its currency, pending for two days, no fee."""
    made = new_example(call.space, NOUN, call.now)
    noun = str(source["object"])
    made |= {
        "amount": amount,
        "available_on": call.now + AVAILABLE_AFTER_S,
        "currency": source["currency"],
        "description": source.get("description"),
        "net": amount,
        "reporting_category": noun,
        "source": source["id"],
        "status": "pending",
        "type": noun,
    }
    made |= values
    call.space[NOUN].insert(made, visible_at=call.visible_at)
    call.space.plan(call.now + AVAILABLE_AFTER_S, _becomes_available(str(made["id"])))
    return made


def _becomes_available(object_id: str) -> Callable[[Call], None]:
    """The action that makes the amount available; Stripe has no event for it."""

    def run(call: Call) -> None:
        call.space[NOUN].replace({**call.find(NOUN, object_id), "status": "available"})

    return run
