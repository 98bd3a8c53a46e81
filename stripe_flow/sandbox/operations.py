"""Everything the sandbox can do, as one table, and the way from a method and a path to its row."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from stripe_flow.sandbox.errors import invalid
from stripe_flow.sandbox.resource import Operation, Resource
from stripe_flow.sandbox.resources.accounts import ACCOUNT
from stripe_flow.sandbox.resources.charges import CAPTURE, CHARGES
from stripe_flow.sandbox.resources.customers import CUSTOMERS
from stripe_flow.sandbox.resources.events import EVENTS
from stripe_flow.sandbox.resources.payment_intents import OF_INTENTS, PAYMENT_INTENTS
from stripe_flow.sandbox.resources.payment_methods import OF_METHODS, PAYMENT_METHODS
from stripe_flow.sandbox.resources.prices import PRICES
from stripe_flow.sandbox.resources.products import PRODUCTS
from stripe_flow.sandbox.resources.refunds import OF_CHARGE, REFUNDS

RESOURCES: Mapping[str, Resource] = {
    each.noun: each
    for each in (CHARGES, CUSTOMERS, EVENTS, PAYMENT_INTENTS, PAYMENT_METHODS, PRICES, PRODUCTS, REFUNDS)
}

OPERATIONS: tuple[Operation, ...] = (
    *(operation for resource in RESOURCES.values() for operation in resource.operations()),
    *ACCOUNT,
    CAPTURE,
    *OF_CHARGE,
    *OF_INTENTS,
    *OF_METHODS,
)

_BY_SHAPE = {(operation.method, tuple(operation.path.split("/")[1:])): operation for operation in OPERATIONS}


def route(method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
    """The operation and the ids in its path. Raises Refusal (404) for what the sandbox does not have."""
    parts = path.split("/")[1:]
    # Stripe's paths alternate: /v1/<objects>/<id>/<what belongs to it>/<id>
    ids = parts[2::2]
    parts[2::2] = ["{id}"] * len(ids)
    operation = _BY_SHAPE.get((method, tuple(parts)))
    if operation is None or not all(ids):
        raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
    return operation, tuple(map(unquote, ids))
