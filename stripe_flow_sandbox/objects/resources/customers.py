"""Customers; https://docs.stripe.com/api/customers."""

from __future__ import annotations

from collections.abc import Callable

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import Refusal, refuse
from stripe_flow_sandbox.objects.read_only import hidden_members
from stripe_flow_sandbox.objects.resource import Filter, Resource
from stripe_flow_sandbox.objects.resources.clocks import clock_named
from stripe_flow_sandbox.objects.resources.payment_methods import attach, check_attachable, delete_card, method_named
from stripe_flow_sandbox.objects.saved_cards import keep_card, new_card
from stripe_flow_sandbox.parameters.accepted import create_params, update_params
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

_DEFAULT = "default_payment_method"

# An update takes a value more than a creation: https://docs.stripe.com/api/customers/update
_TEXT = Param(type="string")
_WHERE = Param(type="string", enum=("auto", "deferred", "immediately"))
_LATER_TAX = Param(
    type="object", fields={"ip_address": Param(type="string", can_unset=True), "validate_location": _WHERE}
)


def _create(call: Call) -> Object:
    made = call.new("customer")
    if call.params.get("test_clock") is not None:
        made["created"] = clock_named(call, str(call.params["test_clock"]))["frozen_time"]
    made["invoice_prefix"] = str(made["id"])[-8:].upper()
    method = _named_method(call, made)
    _write(call, made)
    if method is not None:
        attach(call, method, str(made["id"]))
    return call.add(made, "customer.created")


def _write(call: Call, target: Object) -> None:
    """Write the parameters into a customer. All checks come first: a refused call changes nothing."""
    _check_defaults(call, target)
    card = new_card(call, target, str(call.params["source"])) if "source" in call.params else None
    apply(target, call.params)
    if card is not None:
        _replace_default(call, target, card)


def _replace_default(call: Call, target: Object, card: Object) -> None:
    """Make a new card the default; Stripe deletes the one that was: https://docs.stripe.com/api/customers/update."""
    before = call.space.card(str(target["default_source"]))
    keep_card(call, target, card)
    target["default_source"] = card["id"]
    if before is not None:
        delete_card(call, target, before)


def _named_method(call: Call, target: Object) -> Object | None:
    """The payment method of a new customer, which `invoice_settings` may make the default by the same name."""
    if "payment_method" not in call.params:
        return None
    name = str(call.params["payment_method"])
    method = method_named(call, name, param="payment_method")
    check_attachable(call, method, str(target["id"]))
    settings = call.params.get("invoice_settings")
    if isinstance(settings, dict) and settings.get(_DEFAULT) == name:
        target["invoice_settings"] = {**mapping(target["invoice_settings"]), _DEFAULT: method["id"]}
        del settings[_DEFAULT]
    return method


def _check_defaults(call: Call, target: Object) -> None:
    """Raises Refusal (400) for a default that does not belong to the customer."""
    settings, source = call.params.get("invoice_settings"), call.params.get("default_source")
    wanted = settings.get(_DEFAULT) if isinstance(settings, dict) else None
    if wanted is not None:
        found = call.space.find("payment_method", str(wanted))
        if found is None or found["customer"] != target["id"]:
            raise _not_attached(str(wanted))
    if source is not None:
        card = call.space.card(str(source))
        if card is None or card["customer"] != target["id"]:
            raise refuse("resource_missing", status=400, param="source", noun="source", id=source, hint="")


def _not_attached(method_id: str) -> Refusal:
    refusal = refuse(
        "resource_missing",
        status=400,
        param=f"invoice_settings[{_DEFAULT}]",
        noun="PaymentMethod",
        id=method_id,
        hint="",
    )
    refusal.error["message"] = (
        f"The customer does not have a payment method with the ID {method_id}. "
        "The payment method must be attached to the customer."
    )
    return refusal


def _empty(name: str) -> Callable[[Space, Object, int], Object]:
    """An empty list, of a type that the sandbox does not have."""
    return lambda _, customer, __: _list_of(customer, name, [])


def _list_of(customer: Object, name: str, data: list[Object]) -> Object:
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/customers/{customer['id']}/{name}"}


CUSTOMERS = Resource(
    noun="customer",
    path="/v1/customers",
    permission="customer",
    filters={
        "email": Filter(param=Param(type="string"), field="email"),
        "test_clock": Filter(param=Param(type="string"), field="test_clock"),
    },
    # https://docs.stripe.com/api/customers/list
    hides={"test_clock": ("test_clock",)},
    create=_create,
    create_params=create_params("customer"),
    update=_write,
    update_params=update_params(
        "customer",
        drop=("payment_method", "tax_id_data", "test_clock"),
        add={"default_source": _TEXT, "tax": _LATER_TAX},
    ),
    updated_events=("customer.updated",),
    deleted_events=("customer.deleted",),
    includes={**hidden_members("customer"), "subscriptions": _empty("subscriptions")},
)
