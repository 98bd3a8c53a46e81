"""The past of a seeded account as plain facts: times, customers, amounts, declines and refunds.

Every fact is computed from (label, index); only the seconds of the charges and refunds are stored.
"""

from __future__ import annotations

import random
from array import array
from typing import NamedTuple

from stripe_flow_sandbox.past.density import DAY_S, Density, seconds

# The age of the newest charge: no object of the past is too young for lists to show it.
_SETTLED_S = 60
_MOST_REFUND_AGE_S = 12 * DAY_S
_MASK = (1 << 64) - 1


class ChargeFacts(NamedTuple):
    """The facts of a seeded charge. `declined`: a number that selects the decline; None if it was paid."""

    amount: int
    customer: int | None
    card: int
    declined: int | None
    refunded: int


class Past:
    """`count` charges over `days` before `now`, with their customers and refunds."""

    def __init__(self, label: str, count: int, days: int, now: int, density: Density = "even") -> None:
        """The same label, count and density give the same past, shifted in time with `now`."""
        self.label = label
        self.count = count
        self.now = now
        self.customers = -(-count // 5)
        self._salt = random.Random(label).getrandbits(64)  # noqa: S311 - repeatable, nothing to guess
        self.created = seconds(density, label, count, now - days * DAY_S, now - _SETTLED_S)
        refunded = (index for index in range(count) if _is_refunded(self._number(index)))
        refunds = sorted((self._refunded_at(index, now), index) for index in refunded)
        self.refund_created = array("q", (second for second, _ in refunds))
        self.refund_charge = array("q", (index for _, index in refunds))

    def charge(self, index: int) -> ChargeFacts:
        """The facts of the charge with this index."""
        number = self._number(index)
        return ChargeFacts(
            amount=100 + number % 20_000,
            customer=self._customer(number, index),
            card=(number >> 20) & 0xF,
            declined=(number >> 24) & 0xFF if _is_failed(number) else None,
            refunded=_refund_amount(number) if _is_refunded(number) else 0,
        )

    def is_paid(self, index: int) -> bool:
        """Whether the charge with this index was not declined."""
        return not _is_failed(self._number(index))

    def customer_of(self, index: int) -> int | None:
        """The customer of a charge; None for one charge in five. No charge is older than its customer."""
        return self._customer(self._number(index), index)

    def customer_created(self, customer: int) -> int:
        """The second in which this customer was created."""
        return self.created[customer * self.count // self.customers] - 60

    def refund_amount(self, index: int) -> int:
        """The amount that the refund of this charge gives back."""
        return _refund_amount(self._number(index))

    def _customer(self, number: int, index: int) -> int | None:
        if (number >> 32) % 5 == 0:
            return None
        return (number >> 40) % (index * self.customers // self.count + 1)

    def _refunded_at(self, index: int, now: int) -> int:
        later = self.created[index] + 1 + self._number(index) % _MOST_REFUND_AGE_S
        return min(later, now - _SETTLED_S)

    def _number(self, index: int) -> int:
        """64 pseudo-random bits computed from the index (splitmix64, public domain)."""
        mixed = (index * 0x9E3779B97F4A7C15 + self._salt) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)


def _is_failed(number: int) -> bool:
    return (number >> 16) % 100 < 7


def _is_refunded(number: int) -> bool:
    return (number >> 48) % 100 < 9 and not _is_failed(number)


def _refund_amount(number: int) -> int:
    """Half of the refunds give everything back, the others a third."""
    amount = 100 + number % 20_000
    return amount if (number >> 56) & 1 else amount // 3
