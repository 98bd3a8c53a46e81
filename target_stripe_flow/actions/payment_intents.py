"""A charge by way of a PaymentIntent: the parameters of a record, said as `POST /v1/payment_intents` wants them.

The record has one shape for both ways; docs/charging.md has the table, and a test holds it to the one below.
https://docs.stripe.com/payments/payment-intents/migration/charges
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Parameters = dict[str, Any]  # Any: JSON

# The customer is not there to do anything, so what would ask for that is a decline.
ALWAYS: Mapping[str, Any] = {"confirm": True, "off_session": True, "error_on_requires_action": True}
# The parameter that stands beside `source` and says what kind it is; no field of a record, see `wallets`.
SOURCE_TYPE = "source_type"
CARD = "card"
_TOKEN = "tok_"  # noqa: S105  # the prefix of a card token's id


def _same(name: str) -> Callable[[Any], Parameters]:
    return lambda value: {name: value}


def _pays(source: str) -> Parameters:
    """A token becomes a payment method of its own; a saved card, source or payment method is named."""
    if source.startswith(_TOKEN):
        return {"payment_method_data": {"type": CARD, "card": {"token": source}}}
    return {"payment_method": source}


def _destination(value: Mapping[str, Any]) -> Parameters:
    amount = {"amount": value["amount"]} if "amount" in value else {}
    return {"transfer_data": {"destination": value["account"]} | amount}


# Parameter of a charge → what it is of a PaymentIntent; later ones win over earlier ones.
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
    "source": _pays,
    # A charge to a card takes it for the suffix, and a PaymentIntent to a card refuses it.
    "statement_descriptor": _same("statement_descriptor_suffix"),
    "statement_descriptor_suffix": _same("statement_descriptor_suffix"),
    "transfer_data": _same("transfer_data"),
    "transfer_group": _same("transfer_group"),
}


def translate(charge: Parameters) -> Parameters:
    """The parameters of the PaymentIntent (pure). Captured at once unless `capture` is false, as a charge is.

    What may pay is only what does pay: where more were allowed, Stripe would want an address to redirect to.
    """
    intent: Parameters = {
        "capture_method": "automatic",
        "allowed_payment_method_types": [charge.get(SOURCE_TYPE, CARD)],
    }
    for name, said in FIELDS.items():
        if name in charge:
            intent |= said(charge[name])
    return {**intent, **ALWAYS}
