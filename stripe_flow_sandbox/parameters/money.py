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


def check_positive(amount: int, param: str) -> None:
    """Raises Refusal (400) for an amount below 1."""
    if amount < 1:
        raise refuse("parameter_invalid_integer", param=param, value=amount)


def check_least(amount: int, currency: str, param: str) -> None:
    """Raises Refusal (400) for an amount below the least that Stripe charges or captures in this currency.

    Stripe converts to the settlement currency and compares there. The sandbox has no rates: it compares with the
    minimum of the currency itself, and a currency without one takes any amount.
    """
    check_positive(amount, param)
    least = _MINIMUMS.get(currency, 1)
    if amount < least:
        raise refuse("amount_too_small", param=param, least=least, currency=currency)


def check_amount(amount: int, currency: str) -> None:
    """Raises Refusal (400) for an amount that no charge in this currency can have. `amount` is in minor units."""
    most = _MOST_IDR if currency == "idr" else _MOST
    if amount > most:
        raise refuse("amount_too_large", param="amount", most=most)
    check_positive(amount, "amount")
    step = _STEPS.get(currency, 1)
    if amount % step:
        raise invalid(f"Invalid amount: {currency} amounts must be multiples of {step}.", param="amount")
    check_least(amount, currency, "amount")
