"""A sandbox that has something of everything, and a catalog that wants all of it."""

from __future__ import annotations

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Message
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import post

# More than a page of each kind, more parts than an object shows inside.
COUNT, PARTS = 105, 12
# Kinds that the seed brings, and those that calls make.
SEEDED = {"charge", "customer", "event", "payment_method", "product", "refund"}
FORMS = {
    "/v1/payment_intents": "amount=500&currency=usd",
    "/v1/prices": "unit_amount=5&currency=usd&product_data[name]=Shirt",
}


def furnish(sandbox: Sandbox) -> None:
    """Into one that is seeded with charges. Of the objects that can have parts most have none."""
    for path, form in FORMS.items():
        post(sandbox, [(path, form)] * 3)
    tops = [spec for spec in STREAMS if spec.child_of is None and spec.path not in FORMS and spec.kind not in SEEDED]
    for kind in sorted({spec.kind for spec in tops}):
        sandbox.make(kind, COUNT, every_s=3607)
    for spec in STREAMS:
        if spec.child_of is not None:
            owners = [each["id"] for each in sandbox.objects(spec.child_of.parent.kind)]
            for kind in (spec.kind, *spec.also):
                sandbox.make(kind, PARTS, of=owners[0])
                sandbox.make(kind, 1, of=owners[-1])
    sandbox.advance(3600)


def with_all_selected(catalog: Message) -> Message:
    """The same catalog."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog
