"""Amounts and values that several entries of the shop share."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, integer
from stripe_flow_sandbox.furnish.values import Entry, Of, Round

# Minor units. The price of round n is `PRICE + n`.
PRICE, REFUNDED, DISPUTED, DISPUTE_FEE = 2000, 500, 300, 1500
FEE, FEE_REFUNDED, TRANSFERRED, REVERSED, SPENT, TOPPED_UP = 100, 40, 200, 50, 100, 1000
PRICE_OF, CUSTOMER = Of("price", "unit_amount"), Of("customer")
MONTH_S = 30 * 24 * 60 * 60


def number(made: Round) -> int:
    """The number of the round, from 0."""
    return integer(made["round"]["number"])


def text(start: str, end: str = "") -> object:
    """A text with the number of the round."""
    return lambda made: f"{start}{number(made):04d}{end}"


def price_text(made: Round) -> str:
    """The price in minor units as text."""
    return str(made["price"]["unit_amount"])


def later(seconds: int) -> object:
    """The Unix second so long after the start of the round."""
    return lambda made: integer(made["round"]["at"]) + seconds


def card_fee(made: Round) -> int:
    """The fee of a card payment in the United States: 2.9 % and 30 cents."""
    return round(integer(made["charge"]["amount"]) * 0.029) + 30


MONTH = {"start": later(0), "end": later(MONTH_S)}
PRICING = {
    "type": "price_details",
    "price_details": {"price": Of("price"), "product": Of("product")},
    "unit_amount_decimal": price_text,
}
TOTALS = {"amount_subtotal": PRICE_OF, "amount_total": PRICE_OF}


def movement(source: str, amount: int, kind: str, category: str, **more: object) -> Entry:
    """The balance transaction of the entry `source`, which then names it."""
    values = {
        "amount": amount,
        "description": None,
        "net": amount,
        "reporting_category": category,
        "source": Of(source),
        "type": kind,
        **more,
    }
    name = f"moved by {source}"
    return Entry(name=name, kind="balance_transaction", values=values, then={source: {"balance_transaction": Of(name)}})


def found_movement(source: str, **more: object) -> Entry:
    """The balance transaction that came with the entry `source`, available at once."""
    name = f"moved by {source}"
    settled = {"available_on": later(0), "status": "available"}
    found = Of(source, "balance_transaction")
    return Entry(name=name, kind="balance_transaction", found=found, then={name: {**settled, **more}})


def fee_detail(amount: object) -> Object:
    """The one entry of `fee_details`."""
    return {"amount": amount, "application": None, "currency": "usd", "description": "Fee", "type": "stripe_fee"}
