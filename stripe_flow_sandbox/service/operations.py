"""The table of all operations, and the lookup of an operation by method and path."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.objects.read_only import child_operations, read_only_resources
from stripe_flow_sandbox.objects.resource import Operation, Resource
from stripe_flow_sandbox.objects.resources.accounts import ACCOUNT_OPERATIONS
from stripe_flow_sandbox.objects.resources.balance import BALANCE
from stripe_flow_sandbox.objects.resources.charges import CAPTURE, CHARGES
from stripe_flow_sandbox.objects.resources.clocks import ADVANCE, TEST_CLOCKS
from stripe_flow_sandbox.objects.resources.customers import CUSTOMERS
from stripe_flow_sandbox.objects.resources.events import EVENTS
from stripe_flow_sandbox.objects.resources.payment_intents import INTENT_OPERATIONS, PAYMENT_INTENTS
from stripe_flow_sandbox.objects.resources.payment_methods import METHOD_OPERATIONS, PAYMENT_METHODS
from stripe_flow_sandbox.objects.resources.prices import PRICES
from stripe_flow_sandbox.objects.resources.products import PRODUCTS
from stripe_flow_sandbox.objects.resources.refunds import CHARGE_REFUND_OPERATIONS, REFUNDS
from stripe_flow_sandbox.objects.resources.sources import SOURCE_OPERATIONS

_DECLARED = (CHARGES, CUSTOMERS, EVENTS, PAYMENT_INTENTS, PAYMENT_METHODS, PRICES, PRODUCTS, REFUNDS, TEST_CLOCKS)
RESOURCES: Mapping[str, Resource] = {each.noun: each for each in (*_DECLARED, *read_only_resources())}

OPERATIONS: tuple[Operation, ...] = (
    *(operation for resource in RESOURCES.values() for operation in resource.operations()),
    *child_operations(),
    *ACCOUNT_OPERATIONS,
    ADVANCE,
    BALANCE,
    CAPTURE,
    *CHARGE_REFUND_OPERATIONS,
    *INTENT_OPERATIONS,
    *METHOD_OPERATIONS,
    *SOURCE_OPERATIONS,
)

# (Type, member) → function that makes the list which only `expand[]` and older API versions show.
MEMBERS = {(each.noun, name): make for each in RESOURCES.values() for name, make in each.includes.items()}

# Paths of these products have the product's name in front: /v1/issuing/cards/{id}
_PRODUCTS = frozenset({"checkout", "issuing", "radar", "test_helpers"})


def _segments(path: str) -> list[str]:
    parts = path.split("/")[1:]
    if len(parts) > 1 and parts[1] in _PRODUCTS:
        parts[1:3] = ["/".join(parts[1:3])]
    return parts


def _shape(path: str) -> tuple[list[str], list[str]]:
    """The segments with `{id}` for each id, and the ids."""
    parts = _segments(path)
    # Stripe's paths alternate: /v1/<objects>/<id>/<child objects or action>/<id>
    ids = parts[2::2]
    parts[2::2] = ["{id}"] * len(ids)
    return parts, ids


_BY_SHAPE = {(operation.method, tuple(_segments(operation.path))): operation for operation in OPERATIONS}


def operation_of(method: str, path: str) -> str:
    """The method and the path without its ids: what Stripe counts its rates by."""
    parts, _ = _shape(path)
    return f"{method} /{'/'.join(parts)}"


def route(method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
    """The operation and the ids in its path. Raises Refusal (404) if the sandbox has no such operation."""
    parts, ids = _shape(path)
    operation = _BY_SHAPE.get((method, tuple(parts)))
    if operation is None or not all(ids):
        raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
    return operation, tuple(map(unquote, ids))
