"""Writing the parameters of a call into a PaymentIntent."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, integer, mapping
from stripe_flow_sandbox.answers.errors import Refusal, refuse
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.resources.customers import check_email
from stripe_flow_sandbox.objects.resources.method_types import CHOICES
from stripe_flow_sandbox.objects.resources.saved_methods import method_named, new_described_method
from stripe_flow_sandbox.parameters.money import check_amount, currency_of
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call

# `write_params` and `choose_types` write these; the others are copied.
_BY_HAND = frozenset({"payment_method", *CHOICES})


def write_params(call: Call, target: Object) -> Object | None:
    """Write the parameters into a PaymentIntent; returns the payment method that they name, not stored yet if new."""
    check_email(call.params.get("receipt_email"), "receipt_email")
    if "confirmation_token" in call.params:
        name = call.params["confirmation_token"]
        raise refuse(
            "resource_missing", status=400, param="confirmation_token", noun="confirmationtoken", id=name, hint=""
        )
    if call.params.get("customer") is not None:
        owner = call.find("customer", str(call.params["customer"]), param="customer")
        if owner.get("deleted"):
            raise refuse("resource_missing", status=400, param="customer", noun="customer", id=owner["id"], hint="")
    method = _named_method(call)
    apply(target, {name: value for name, value in call.params.items() if name not in _BY_HAND})
    target["currency"] = currency_of(str(target["currency"]))
    check_amount(integer(target["amount"]), str(target["currency"]), call.space.account.default_currency)
    if method is not None:
        target |= {"payment_method": method["id"], "source": None, "status": "requires_confirmation"}
    return method


def _named_method(call: Call) -> Object | None:
    name, described = call.params.get("payment_method"), call.params.get("payment_method_data")
    if name is not None and described is not None:
        raise refuse("parameters_exclusive", param="payment_method", params="payment_method, payment_method_data")
    if described is not None:
        return new_described_method(call, mapping(described), "payment_method_data")
    return None if name is None else method_named(call, str(name), param="payment_method")


def default_source(call: Call, made: Object) -> Object | None:
    """The customer's default source as a payment method. Stripe never uses the default payment method here.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-payment_method
    """
    owner = call.space.find("customer", str(made["customer"])) or {}
    card = call.space.card(str(owner.get("default_source")))
    if card is None:
        return None
    made["source"] = card["id"]
    return method_of(card)


def no_method(intent: Object) -> Refusal:
    """The refusal of a confirmation without a payment method."""
    how = (
        "You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    )
    how += "directly with a payment method or ConfirmationToken."
    if intent["customer"] is not None:
        how = f"To confirm the PaymentIntent with {intent['customer']}, specify a payment method attached to this "
        how += "customer along with the customer ID."
    said = f"You cannot confirm this PaymentIntent because it's missing a payment method. {how}"
    return refuse("payment_intent_unexpected_state", said=said)
