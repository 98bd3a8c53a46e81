"""Payment methods and their customers; https://docs.stripe.com/api/payment_methods."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.methods import TEST_NAMES, decline_of_saving, named_method, new_method
from stripe_flow_sandbox.objects.resource import Filter, Listing, Operation, Resource
from stripe_flow_sandbox.objects.saved_cards import forget_card
from stripe_flow_sandbox.objects.tokens import card_of, token_of
from stripe_flow_sandbox.parameters.accepted import EXPAND, LIST, create_params, keep
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

WRITTEN = ("allow_redisplay", "billing_details", "metadata")

_SPENT = "is_spent"


def new_described_method(call: Call, described: Object, path: str = "") -> Object:
    """A new payment method, not stored yet, from its description in a request. Raises Refusal for other than tokens."""
    if described["type"] != "card":
        raise invalid("The sandbox makes payment methods of other types by their test names.", param=f"{path}type")
    param = f"{path}card" if not path else f"{path}[card]"
    card = described.get("card")
    if not isinstance(card, dict) or "token" not in card:
        # Card numbers are refused, as Stripe refuses them without an attestation.
        raise refuse("parameter_missing", param=f"{param}[token]")
    made = new_method(call, card_of(call, token_of(str(card["token"]), param=f"{param}[token]")))
    apply(made, {name: described[name] for name in WRITTEN if name in described})
    return made


def method_named(call: Call, name: str, *, param: str | None = None) -> Object:
    """The payment method with this id, or a new one, not stored yet, for a test name. Raises Refusal if neither."""
    if name in TEST_NAMES:
        return named_method(call, name)
    return call.find("payment_method", name, param=param)


def keep_method(call: Call, method: Object) -> None:
    """Store a payment method that is not stored yet."""
    if call.space["payment_method"].body(str(method["id"])) is None:
        call.add(method)


def is_spent(space: Space, method: Object) -> bool:
    """Whether the payment method paid without a customer or was detached from one: Stripe then refuses to use it."""
    return bool(space.hidden_facts.get(str(method["id"]), {}).get(_SPENT))


def spend(space: Space, method: Object) -> None:
    """Make the payment method unusable; see `is_spent`."""
    space.hidden_facts[str(method["id"])] = {_SPENT: True}


def check_attachable(call: Call, method: Object, customer: str) -> None:
    """Raises Refusal if the payment method cannot be attached to this customer: 402 if its bank declines it."""
    if method["customer"] not in (None, customer):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if is_spent(call.space, method):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    decline = decline_of_saving(method)
    if decline is not None:
        raise decline.refusal()


def attach(call: Call, method: Object, customer: str) -> Object:
    """Store a payment method that passed `check_attachable` as the customer's."""
    keep_method(call, method)
    if method["customer"] is None:
        method["customer"] = customer
        call.change(method, "payment_method.attached")
    return method


def _create(call: Call) -> Object:
    if "payment_method" in call.params:
        raise invalid("The sandbox does not clone payment methods between accounts.", param="payment_method")
    return call.add(new_described_method(call, call.params))


def _attach(call: Call) -> Object:
    if "customer" not in call.params:
        raise refuse("parameter_missing", param="customer")
    customer = call.find("customer", str(call.params["customer"]), param="customer")
    if customer.get("deleted"):
        raise refuse("resource_missing", status=400, param="customer", noun="customer", id=customer["id"], hint="")
    method = method_named(call, call.path_ids[0])
    check_attachable(call, method, str(customer["id"]))
    return attach(call, method, str(customer["id"]))


def _detach(call: Call) -> Object:
    method = call.find("payment_method", call.path_ids[0])
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = call.find("customer", str(method["customer"]))
    if not customer.get("deleted"):
        _clear_defaults(call, customer, str(method["id"]))
    return _release(call, method)


def _release(call: Call, method: Object) -> Object:
    method["customer"] = None
    spend(call.space, method)
    return call.change(method, "payment_method.detached")


def _clear_defaults(call: Call, customer: Object, method_id: str) -> None:
    """Clear all fields of a customer that name a payment method; a saved card loses its customer as well."""
    settings = mapping(customer["invoice_settings"])
    if settings["default_payment_method"] == method_id:
        settings["default_payment_method"] = None
    card = call.space.card(method_id)
    if card is not None:
        forget_card(call, customer, card)
    call.change(customer, "customer.updated")


def delete_card(call: Call, customer: Object, card: Object) -> Object:
    """Delete a saved card, also as a payment method; returns what is left of it. The caller stores the customer."""
    remains = forget_card(call, customer, card)
    method = call.space.find("payment_method", str(card["id"]))
    if method is not None:
        _release(call, method)
    return remains


def _list_of_customer(call: Call) -> Listing:
    customer = call.find("customer", call.path_ids[0])
    filters = {"customer": [str(customer["id"])]}
    if "type" in call.params:
        filters["type"] = [str(call.params["type"])]
    url = f"/v1/customers/{customer['id']}/payment_methods"
    return PAYMENT_METHODS.page(call.space, call.params, call.now, filters, url)


def _retrieve_of_customer(call: Call) -> Object:
    found = PAYMENT_METHODS.retrieve(call)
    if found["customer"] != call.path_ids[0]:
        raise refuse("resource_missing", param="id", noun="PaymentMethod", id=call.path_ids[1], hint="")
    return found


_TEXT = Param(type="string")
_PARAMS = create_params("payment_method")
# The client's types have a card number too; the sandbox takes only tokens.
CARD = Param(type="object", fields={"token": replace(_TEXT, required=True)})
_PERMISSION = "payment_method"
_OF_CUSTOMER = "/v1/customers/{id}/payment_methods"

PAYMENT_METHODS = Resource(
    noun="payment_method",
    path="/v1/payment_methods",
    permission=_PERMISSION,
    filters={name: Filter(param=_TEXT, field=name) for name in ("customer", "type")},
    create=_create,
    create_params=_PARAMS,
    update_params={**keep("payment_method", *WRITTEN, unset=("metadata",)), **EXPAND},
    updated_events=("payment_method.updated",),
)

METHOD_OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/payment_methods/{id}/attach",
        permission=_PERMISSION,
        params={**keep("payment_method", "customer"), **EXPAND},
        run=_attach,
    ),
    Operation(
        method="POST", path="/v1/payment_methods/{id}/detach", permission=_PERMISSION, params=EXPAND, run=_detach
    ),
    Operation(
        method="GET", path=_OF_CUSTOMER, permission=_PERMISSION, params={**LIST, "type": _TEXT}, run=_list_of_customer
    ),
    Operation(
        method="GET", path=_OF_CUSTOMER + "/{id}", permission=_PERMISSION, params=EXPAND, run=_retrieve_of_customer
    ),
)
