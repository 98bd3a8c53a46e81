"""The types of events that a seeded past has, and the objects that they are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded_charges import SeededCharges, SeededRefunds
from stripe_flow_sandbox.past.seeded_customers import SeededCustomers
from stripe_flow_sandbox.past.seeded_products import SeededProducts
from stripe_flow_sandbox.state.collection import Seeded


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One event for each of `objects`, in the second of its `created`: the event's type and object, by index."""

    objects: Seeded
    type_of: Callable[[int], str]
    body: Callable[[int], bytes]


def event_sources_of(
    past: Past, charges: SeededCharges, customers: SeededCustomers, products: SeededProducts, refunds: SeededRefunds
) -> list[EventSource]:
    """All sources of events of a past."""

    def paid_or_failed(index: int) -> str:
        return "charge.succeeded" if past.is_paid(index) else "charge.failed"

    def refunded_charge(index: int) -> bytes:
        return charges.body(past.refund_charge[index])

    return [
        EventSource(objects=charges, type_of=paid_or_failed, body=charges.body_when_made),
        EventSource(objects=refunds, type_of=lambda _: "refund.created", body=refunds.body),
        EventSource(objects=refunds, type_of=lambda _: "charge.refunded", body=refunded_charge),
        EventSource(objects=customers, type_of=lambda _: "customer.created", body=customers.body),
        EventSource(objects=products, type_of=lambda _: "product.created", body=products.body),
    ]
