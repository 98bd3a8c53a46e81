"""Rules for amounts; https://docs.stripe.com/currencies."""

from __future__ import annotations

from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.parameters.accepted import data

_LIMITS = data("currencies.json")
_SUPPORTED = frozenset(_LIMITS["supported"])
_MINIMUMS: dict[str, int] = _LIMITS["minimum_by_settlement_currency"]
# Amounts in these currencies are multiples of the step.
_STEPS: dict[str, int] = dict.fromkeys(_LIMITS["last_digit_zero"], 10) | dict.fromkeys(_LIMITS["whole_hundreds"], 100)
_MOST, _MOST_IDR = 99_999_999, 999_999_999_999


def currency_of(name: str) -> str:
    """The currency in lower case. Raises Refusal (400) for one that Stripe does not support."""
    currency = name.lower()
    if currency not in _SUPPORTED:
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    return currency


def check_amount(amount: int, currency: str, settlement_currency: str) -> None:
    """Raises Refusal (400) for an amount that no charge in this currency can have. `amount` is in minor units.

    Stripe's minimums are in the settlement currency, so only charges in that currency are compared with them.
    """
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param="amount")
    most = _MOST_IDR if currency == "idr" else _MOST
    if amount > most:
        raise refuse("amount_too_large", param="amount", most=most)
    step = _STEPS.get(currency, 1)
    if amount % step:
        raise invalid(f"Invalid amount: {currency} amounts must be multiples of {step}.", param="amount")
    least = _MINIMUMS.get(currency, 1)
    if currency == settlement_currency and amount < least:
        raise refuse("amount_too_small", param="amount", least=least, currency=currency)
