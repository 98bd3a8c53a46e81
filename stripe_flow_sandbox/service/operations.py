"""Everything the sandbox can do, as one table, and the way from a method and a path to its row."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.objects.child_objects import operations
from stripe_flow_sandbox.objects.read_only import resources
from stripe_flow_sandbox.objects.resource import Operation, Resource
from stripe_flow_sandbox.objects.resources.accounts import ACCOUNT
from stripe_flow_sandbox.objects.resources.captures import CAPTURE
from stripe_flow_sandbox.objects.resources.charges import CHARGES
from stripe_flow_sandbox.objects.resources.customers import CUSTOMERS
from stripe_flow_sandbox.objects.resources.events import EVENTS
from stripe_flow_sandbox.objects.resources.payment_intents import OF_INTENTS, PAYMENT_INTENTS
from stripe_flow_sandbox.objects.resources.payment_methods import OF_METHODS, PAYMENT_METHODS
from stripe_flow_sandbox.objects.resources.prices import PRICES
from stripe_flow_sandbox.objects.resources.products import PRODUCTS
from stripe_flow_sandbox.objects.resources.refunds import OF_CHARGE, REFUNDS

RESOURCES: Mapping[str, Resource] = {
    each.noun: each
    for each in (CHARGES, CUSTOMERS, EVENTS, PAYMENT_INTENTS, PAYMENT_METHODS, PRICES, PRODUCTS, REFUNDS, *resources())
}

OPERATIONS: tuple[Operation, ...] = (
    *(operation for resource in RESOURCES.values() for operation in resource.operations()),
    *operations(),
    *ACCOUNT,
    CAPTURE,
    *OF_CHARGE,
    *OF_INTENTS,
    *OF_METHODS,
)

# The objects of some products have their name behind the product's: /v1/issuing/cards/{id}
_PRODUCTS = frozenset({"checkout", "issuing", "radar"})


def _segments(path: str) -> list[str]:
    parts = path.split("/")[1:]
    if len(parts) > 1 and parts[1] in _PRODUCTS:
        parts[1:3] = ["/".join(parts[1:3])]
    return parts


_BY_SHAPE = {(operation.method, tuple(_segments(operation.path))): operation for operation in OPERATIONS}


def route(method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
    """The operation and the ids in its path. Raises Refusal (404) for what the sandbox does not have."""
    parts = _segments(path)
    # Stripe's paths alternate: /v1/<objects>/<id>/<what belongs to it>/<id>
    ids = parts[2::2]
    parts[2::2] = ["{id}"] * len(ids)
    operation = _BY_SHAPE.get((method, tuple(parts)))
    if operation is None or not all(ids):
        raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
    return operation, tuple(map(unquote, ids))
