"""Checks of a payment method and a PaymentIntent before the bank is asked.

https://docs.stripe.com/api/payment_intents/confirm
"""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.objects.debits import DEBITS
from stripe_flow_sandbox.objects.resources.payment_methods import is_spent
from stripe_flow_sandbox.state.space import Call


def check_payable(call: Call, intent: Object, method: Object) -> None:
    """Raises Refusal (400) if Stripe would refuse to pay this PaymentIntent with this payment method."""
    _check_owner(call, intent, method)
    _check_type(intent, str(method["type"]))
    _check_redirect(call, intent)


def is_off_session(call: Call) -> bool:
    """Whether the call sets `off_session` to `true` or to a text."""
    return call.params.get("off_session") not in (None, False)


def _check_owner(call: Call, intent: Object, method: Object) -> None:
    owner, customer = method["customer"], intent["customer"]
    if owner is not None and customer is None:
        refusal = refuse("parameter_missing", param="source")
        refusal.error["message"] = (
            f"The `payment_method` parameter supplied {method['id']} belongs to the Customer {owner}. Please include "
            "the Customer in the `customer` parameter on the PaymentIntent."
        )
        raise refusal
    if owner not in (None, customer):
        raise invalid(
            f"The PaymentMethod {method['id']} does not belong to the Customer you supplied {customer}. Please use "
            "this PaymentMethod with the Customer that it belongs to instead.",
            param="payment_method",
        )
    if is_spent(call.space, method):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )


def _check_type(intent: Object, kind: str) -> None:
    allowed = intent["payment_method_types"]
    if isinstance(allowed, list) and kind not in allowed:
        raise _incompatible(
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a PaymentMethod "
            f"of one of the following types: {', '.join(map(str, allowed))}."
        )
    debit = DEBITS.get(kind)
    if debit and intent["currency"] != debit.currency:
        raise _incompatible(f"The currency {intent['currency']} is not supported by the payment method type {kind}.")
    if debit and intent["capture_method"] == "manual":
        raise _incompatible(f"The payment method type {kind} cannot be captured manually.")
    if not debit and intent["statement_descriptor"] is not None:
        raise invalid(
            "The `statement_descriptor` parameter is not supported for card charges. Use "
            "`statement_descriptor_suffix` instead.",
            param="statement_descriptor",
        )


def _check_redirect(call: Call, intent: Object) -> None:
    automatic = intent["automatic_payment_methods"]
    may_redirect = isinstance(automatic, dict) and automatic["allow_redirects"] != "never"
    # https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods
    if may_redirect and not is_off_session(call) and "return_url" not in call.params:
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
            "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents."
        )


def _incompatible(said: str) -> Refusal:
    return refuse("payment_intent_incompatible_payment_method", param="payment_method", said=said)
