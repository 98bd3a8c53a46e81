"""Customers; https://docs.stripe.com/api/customers."""

from __future__ import annotations

from collections.abc import Callable

from stripe_flow.sandbox.accepted import create_params, update_params
from stripe_flow.sandbox.codec import Object
from stripe_flow.sandbox.errors import refuse
from stripe_flow.sandbox.params import Param
from stripe_flow.sandbox.resource import Filter, Resource
from stripe_flow.sandbox.shapes import apply
from stripe_flow.sandbox.space import Call, Space
from stripe_flow.sandbox.tokens import card_of, token_of


def _create(call: Call) -> Object:
    made = call.new("customer")
    made["invoice_prefix"] = str(made["id"])[-8:].upper()
    _write(call, made)
    return call.add(made, "customer.created")


def _write(call: Call, target: Object) -> None:
    email = call.params.get("email")
    if email is not None and "@" not in str(email).strip("@"):
        raise refuse("email_invalid", param="email", value=str(email)[:80])
    apply(target, call.params)
    if "source" in call.params:
        _attach(call, target, str(call.params["source"]))


def _attach(call: Call, target: Object, name: str) -> None:
    """Save a card to the customer as its default source; one that declines when saved is refused (402)."""
    token = token_of(name)
    if token.decline and not token.fails_later:
        raise token.decline.refusal()
    card = card_of(call, token, customer=str(target["id"]))
    call.space.save_card(card)
    target["default_source"] = card["id"]


def _sources(space: Space, customer: Object, _: int) -> Object:
    """The saved cards: the sandbox keeps the default one only."""
    card = space.card(str(customer["default_source"]))
    return _shown(customer, "sources", [card] if card else [])


def _empty(name: str) -> Callable[[Space, Object, int], Object]:
    """A list of what the sandbox does not have."""
    return lambda _, customer, __: _shown(customer, name, [])


def _shown(customer: Object, name: str, data: list[Object]) -> Object:
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/customers/{customer['id']}/{name}"}


CUSTOMERS = Resource(
    noun="customer",
    path="/v1/customers",
    right="customer",
    filters={
        "email": Filter(param=Param(type="string"), field="email"),
        "test_clock": Filter(param=Param(type="string"), field="test_clock"),
    },
    create=_create,
    create_params=create_params("customer"),
    update=_write,
    update_params=update_params(
        "customer",
        drop=("payment_method", "tax_id_data", "test_clock"),
        add={"default_source": Param(type="string")},
    ),
    updated_events=("customer.updated",),
    deleted_events=("customer.deleted",),
    includes={"sources": _sources, "subscriptions": _empty("subscriptions"), "tax_ids": _empty("tax_ids")},
)
