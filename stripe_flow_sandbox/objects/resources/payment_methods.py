"""Payment methods and whose they are; https://docs.stripe.com/api/payment_methods."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.listing import Filter, Listing
from stripe_flow_sandbox.objects.methods import TEST_NAMES, can_be_saved, named_method, new_method
from stripe_flow_sandbox.objects.resource import Operation, Resource
from stripe_flow_sandbox.objects.tokens import card_of, token_of
from stripe_flow_sandbox.parameters.accepted import EXPAND, LIST, create_params, keep
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

_WRITTEN = ("allow_redisplay", "billing_details", "metadata")
_SPENT = "is_spent"


def _create(call: Call) -> Object:
    if "payment_method" in call.params:
        raise invalid("The sandbox does not clone payment methods between accounts.", param="payment_method")
    return call.add(described_method(call, call.params))


def described_method(call: Call, described: Object, path: str = "") -> Object:
    """A new payment method, not kept yet, of what a request says about it; cards come as tokens only."""
    if described["type"] != "card":
        raise invalid("The sandbox makes payment methods of other types by their test names.", param=f"{path}type")
    param = f"{path}card" if not path else f"{path}[card]"
    card = described.get("card")
    if not isinstance(card, dict) or "token" not in card:
        # Numbers do not belong here, as they do not at Stripe without an attestation of its kind.
        raise refuse("parameter_missing", param=f"{param}[token]")
    made = new_method(call, card_of(call, token_of(str(card["token"]), param=f"{param}[token]")))
    apply(made, {name: described[name] for name in _WRITTEN if name in described})
    return made


def method_called(call: Call, name: str, *, param: str | None = None) -> Object:
    """The payment method of this id, or a new one, not kept yet, for a test name. Raises Refusal for any other text."""
    if name in TEST_NAMES:
        return named_method(call, name)
    return call.find("payment_method", name, param=param)


def keep_method(call: Call, method: Object) -> None:
    """Keep a payment method that is new."""
    if call.space["payment_method"].body(str(method["id"])) is None:
        call.add(method)


def is_spent(space: Space, method: Object) -> bool:
    """Whether it has paid without a customer or was taken from one: then nobody can pay with it again."""
    return bool(space.beside.get(str(method["id"]), {}).get(_SPENT))


def spend(space: Space, method: Object) -> None:
    """See `is_spent`."""
    space.beside[str(method["id"])] = {_SPENT: True}


def check_attachable(call: Call, method: Object, customer: str) -> None:
    """Raises Refusal if this customer cannot have the payment method: 402 for a card that says no."""
    if method["customer"] not in (None, customer):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if is_spent(call.space, method):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    decline = can_be_saved(method)
    if decline is not None:
        raise decline.refusal()


def attach(call: Call, method: Object, customer: str) -> Object:
    """Give a payment method that passed `check_attachable` to its customer."""
    keep_method(call, method)
    if method["customer"] is None:
        method["customer"] = customer
        call.change(method, "payment_method.attached")
    return method


def _attach(call: Call) -> Object:
    if "customer" not in call.params:
        raise refuse("parameter_missing", param="customer")
    customer = call.find("customer", str(call.params["customer"]), param="customer")
    if customer.get("deleted"):
        raise refuse("resource_missing", status=400, param="customer", noun="customer", id=customer["id"], hint="")
    method = method_called(call, call.path_ids[0])
    check_attachable(call, method, str(customer["id"]))
    return attach(call, method, str(customer["id"]))


def _detach(call: Call) -> Object:
    method = call.find("payment_method", call.path_ids[0])
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = call.find("customer", str(method["customer"]))
    if not customer.get("deleted"):
        _forget(call, customer, str(method["id"]))
    method["customer"] = None
    spend(call.space, method)
    return call.change(method, "payment_method.detached")


def _forget(call: Call, customer: Object, method_id: str) -> None:
    """Take a payment method out of all places where its customer names it; a saved card is no longer the customer's."""
    settings = mapping(customer["invoice_settings"])
    if settings["default_payment_method"] == method_id:
        settings["default_payment_method"] = None
    if customer["default_source"] == method_id:
        customer["default_source"] = None
    card = call.space.card(method_id)
    if card is not None:
        call.space.save_card({**card, "customer": None})
    call.change(customer, "customer.updated")


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
# A card's number is known to the clients' types; what it is answered with is not a word of the sandbox's.
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
    update_params={**keep("payment_method", *_WRITTEN, unset=("metadata",)), **EXPAND},
    updated_events=("payment_method.updated",),
    expands={"customer": "customer"},
)

OF_METHODS = (
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
