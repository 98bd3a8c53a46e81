"""Payment methods and their customers; https://docs.stripe.com/api/payment_methods."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.listing import Filter, Listing
from stripe_flow_sandbox.objects.resource import Operation, Resource
from stripe_flow_sandbox.objects.resources.saved_methods import (
    WRITTEN,
    attach,
    check_attachable,
    method_named,
    new_described_method,
    spend,
)
from stripe_flow_sandbox.parameters.accepted import EXPAND, LIST, create_params, keep
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state.space import Call


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
    method["customer"] = None
    spend(call.space, method)
    return call.change(method, "payment_method.detached")


def _clear_defaults(call: Call, customer: Object, method_id: str) -> None:
    """Clear all fields of a customer that name a payment method; a saved card loses its customer as well."""
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
    expands={"customer": "customer"},
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
