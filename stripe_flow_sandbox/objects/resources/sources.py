"""The saved cards of a customer; https://docs.stripe.com/api/cards."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, decode
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.objects.resources.payment_methods import delete_card
from stripe_flow_sandbox.objects.saved_cards import SOURCES, cards_of, keep_card, new_card
from stripe_flow_sandbox.parameters.accepted import EXPAND, METADATA
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import merged_metadata
from stripe_flow_sandbox.state.space import Call


def _customer(call: Call) -> Object:
    found = call.find("customer", call.path_ids[0])
    if found.get("deleted"):
        raise refuse("resource_missing", param="id", noun="customer", id=found["id"], hint="")
    return found


def _create(call: Call) -> Object:
    """A new card of the customer, which is the default only if there is none."""
    customer = _customer(call)
    card = new_card(call, customer, str(call.params["source"]))
    card["metadata"] = merged_metadata(card["metadata"], call.params.get("metadata"))
    keep_card(call, customer, card)
    if customer["default_source"] is None:
        call.change({**customer, "default_source": card["id"]}, "customer.updated")
    return card


def _retrieve(call: Call) -> Object:
    cards, card_id = cards_of(call.space, _customer(call)), call.path_ids[1]
    body = cards.body(card_id)
    if body is None or cards.place(card_id) is None:
        raise refuse("resource_missing", param="id", noun="source", id=card_id, hint="")
    return decode(body)


def _delete(call: Call) -> Object:
    customer, card = _customer(call), _retrieve(call)
    remains = delete_card(call, customer, card)
    call.change(customer, "customer.updated")
    return remains


_ONE = SOURCES.path + "/{id}"

# The list is among those of child objects.
SOURCE_OPERATIONS = (
    Operation(
        method="POST",
        path=SOURCES.path,
        permission=SOURCES.permission,
        params={
            "source": Param(type="string", required=True),
            "metadata": METADATA,
            "validate": Param(type="boolean"),
            **EXPAND,
        },
        run=_create,
    ),
    Operation(method="GET", path=_ONE, permission=SOURCES.permission, params=EXPAND, run=_retrieve),
    Operation(method="DELETE", path=_ONE, permission=SOURCES.permission, params={}, run=_delete),
)
