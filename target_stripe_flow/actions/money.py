"""How much money a record orders, or an object of Stripe's has moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# What the journal's column takes.
_MOST_MINOR = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Money:
    """In minor units, as Stripe has it; both None where it is not known."""

    amount: int | None = None
    currency: str | None = None

    @property
    def is_known(self) -> bool:
        return self.amount is not None

    def columns(self) -> dict[str, int | str | None]:
        """Of a row of the journal."""
        return {"amount": self.amount, "currency": self.currency}


UNKNOWN = Money()


def money_of(value: Mapping[str, object]) -> Money:
    """Of a record's parameters, or of an object as Stripe answers it (pure). One of the two alone says nothing.

    A refund's record may leave both out: then it is known from Stripe's answer.
    """
    amount, currency = value.get("amount"), value.get("currency")
    if type(amount) is not int or not isinstance(currency, str) or not 0 <= amount <= _MOST_MINOR:
        return UNKNOWN
    return Money(amount=amount, currency=currency)
