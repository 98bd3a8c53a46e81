"""The input of an ordeal: rows that can be told apart in the server, and a STATE after each."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.plugins import a_record, a_schema, a_state

TYPES = {"customers": "customer", "products": "product", "charges": "charge"}
# One charge in so many is declined.
DECLINED_EVERY = 6


@dataclass(frozen=True, kw_only=True)
class Row:
    """`name` is in the metadata of what is made of it, so that nobody has to believe our own marker."""

    action: str
    number: int
    is_declined: bool = False
    customer: int | None = None

    @property
    def name(self) -> str:
        return f"{self.action}-{self.number}"

    def filling(self) -> dict[str, str]:
        """What another client sends to make something of the same kind."""
        return {"amount": "100", "currency": "usd", "source": "tok_visa"} if self.action == "charges" else {"name": "X"}

    def record(self) -> dict[str, Any]:  # Any: JSON
        named = {"id": self.number, "metadata": {"row": self.name}}
        if self.action == "customers":
            return named | {"name": f"No. {self.number}", "source": "tok_visa"}
        if self.action == "products":
            return named | {"name": f"No. {self.number}"}
        charge = named | {"amount": 100 + self.number, "currency": "usd"}
        if self.customer is not None:
            return charge | {"customer": self.customer}
        return charge | {"source": "tok_chargeDeclined" if self.is_declined else "tok_visa"}


def rows_of(actions: Sequence[str], each: int) -> list[Row]:
    """So many rows of each action, in the order of the actions.

    Every other charge is of a customer of the input, if there are any, and three charges have one customer.
    """
    return [
        Row(
            action=action,
            number=number,
            is_declined=action == "charges" and number % DECLINED_EVERY == 5,
            customer=number // 6 if action == "charges" and number % 2 == 0 and "customers" in actions else None,
        )
        for action in actions
        for number in range(each)
    ]


def messages(rows: Sequence[Row]) -> bytes:
    """The Singer lines; each STATE says how many rows precede it."""
    lines: list[dict[str, Any]] = []
    for count, row in enumerate(rows, 1):
        if count == 1 or rows[count - 2].action != row.action:
            lines.append(a_schema(row.action))
        lines += [a_record(row.action, **row.record()), a_state(rows=count)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    """In another order; the rows of one action stay together, as a warehouse would send them."""
    draw = random.Random(seed)
    order = list(rows)
    draw.shuffle(order)
    actions = list(dict.fromkeys(row.action for row in rows))
    return sorted(order, key=lambda row: actions.index(row.action))
