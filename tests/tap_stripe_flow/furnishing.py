"""Fills a sandbox with objects of every stream, and selects every stream in a catalog."""

from __future__ import annotations

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Message
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import post

# More objects than a page holds, and more children than Stripe shows inside a parent.
COUNT, CHILDREN = 105, 12
# Kinds that the sandbox's seed makes, and forms for kinds that the test makes by requests.
SEEDED = {"charge", "customer", "event", "payment_method", "product", "refund"}
FORMS = {
    "/v1/payment_intents": "amount=500&currency=usd",
    "/v1/prices": "unit_amount=5&currency=usd&product_data[name]=Shirt",
}


def furnish(sandbox: Sandbox) -> None:
    """Make objects of every stream in a sandbox seeded with charges. Most parents have no child objects."""
    for path, form in FORMS.items():
        post(sandbox, [(path, form)] * 3)
    tops = [spec for spec in STREAMS if spec.child_of is None and spec.path not in FORMS and spec.kind not in SEEDED]
    for kind in sorted({spec.kind for spec in tops}):
        sandbox.make(kind, COUNT, every_s=3607)
    for spec in STREAMS:
        if spec.child_of is not None:
            parents = [each["id"] for each in sandbox.objects(spec.child_of.parent.kind)]
            for kind in (spec.kind, *spec.other_kinds):
                sandbox.make(kind, CHILDREN, of=parents[0])
                sandbox.make(kind, 1, of=parents[-1])
    sandbox.advance(3600)


def with_all_selected(catalog: Message) -> Message:
    """The catalog, with every stream selected."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog
