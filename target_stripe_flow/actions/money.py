"""The amount and currency of a record, or of an object in Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The largest value of the journal's column.
_MOST_MINOR = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Money:
    """`amount` in minor units, `currency` as Stripe writes it; both None if unknown."""

    amount: int | None = None
    currency: str | None = None

    @property
    def is_known(self) -> bool:
        return self.amount is not None

    def columns(self) -> dict[str, int | str | None]:
        """The columns of a row of the journal."""
        return {"amount": self.amount, "currency": self.currency}


UNKNOWN = Money()


def money_of(value: Mapping[str, object]) -> Money:
    """The money in a record's parameters or in an object of Stripe (pure); UNKNOWN unless both members are valid.

    A refund's record may leave both out: then Stripe's answer has them.
    """
    amount, currency = value.get("amount"), value.get("currency")
    if type(amount) is not int or not isinstance(currency, str) or not 0 <= amount <= _MOST_MINOR:
        return UNKNOWN
    return Money(amount=amount, currency=currency)
