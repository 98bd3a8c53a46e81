"""Charges through PaymentIntents: translates the parameters of a charge for `POST /v1/payment_intents`.

A record is the same for both endpoints. docs/actions.md shows the table below, and a test compares the two.
https://docs.stripe.com/payments/payment-intents/migration/charges
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Parameters = dict[str, Any]  # Any: JSON

# The customer is not present, so a payment that needs an action of the customer is declined.
ALWAYS: Mapping[str, Any] = {"confirm": True, "off_session": True, "error_on_requires_action": True}
# The type of `source`, set by the request builder beside it; not a field of a record.
SOURCE_TYPE = "source_type"
CARD = "card"
_TOKEN = "tok_"  # noqa: S105  # the prefix of a card token's id


def _same(name: str) -> Callable[[Any], Parameters]:
    return lambda value: {name: value}


def _payment_method(source: str) -> Parameters:
    """A token becomes new payment method data; a saved card, source or payment method is named by its id."""
    # No description of the API has `payment_method_data[card][token]`. The API's own error message for a token as
    # `payment_method` says to send it so.
    if source.startswith(_TOKEN):
        return {"payment_method_data": {"type": CARD, "card": {"token": source}}}
    return {"payment_method": source}


def _destination(value: Mapping[str, Any]) -> Parameters:
    amount = {"amount": value["amount"]} if "amount" in value else {}
    return {"transfer_data": {"destination": value["account"]} | amount}


# Parameter of a charge → parameters of a PaymentIntent; later entries overwrite earlier ones.
FIELDS: Mapping[str, Callable[[Any], Parameters]] = {
    "amount": _same("amount"),
    "application_fee": _same("application_fee_amount"),  # its older name
    "application_fee_amount": _same("application_fee_amount"),
    "capture": lambda value: {"capture_method": "automatic" if value else "manual"},
    "currency": _same("currency"),
    "customer": _same("customer"),
    "description": _same("description"),
    "destination": _destination,  # the older form of transfer_data
    "metadata": _same("metadata"),
    "on_behalf_of": _same("on_behalf_of"),
    "radar_options": _same("radar_options"),
    "receipt_email": _same("receipt_email"),
    "shipping": _same("shipping"),
    "source": _payment_method,
    # A charge to a card uses it as the suffix; a PaymentIntent to a card refuses it.
    "statement_descriptor": _same("statement_descriptor_suffix"),
    "statement_descriptor_suffix": _same("statement_descriptor_suffix"),
    "transfer_data": _same("transfer_data"),
    "transfer_group": _same("transfer_group"),
}


def translate(charge: Parameters) -> Parameters:
    """The parameters of the PaymentIntent (pure). Like a charge, it is captured at once unless `capture` is false.

    It allows only the type of its own payment method: with more types Stripe would require a redirect URL.
    """
    intent: Parameters = {
        "capture_method": "automatic",
        "allowed_payment_method_types": [charge.get(SOURCE_TYPE, CARD)],
    }
    for name, convert in FIELDS.items():
        if name in charge:
            intent |= convert(charge[name])
    return {**intent, **ALWAYS}
