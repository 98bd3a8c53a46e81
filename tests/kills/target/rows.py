"""The input of an ordeal: rows that can be recognised at the server, and a STATE after each."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from target_stripe_flow.actions.table import ACTIONS
from tests.support.official import official
from tests.support.plugins import a_record, a_schema, a_state
from tests.support.sandbox import Sandbox

TYPES = {"customers": "customer", "products": "product", "prices": "price", "charges": "charge", "refunds": "refund"}
# Every way of every action: the name, the action, and the settings that select it.
WAYS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    name: (spec.name, {spec.chosen_by: name} if spec.chosen_by else {})
    for spec in ACTIONS.values()
    for name in spec.endpoints
}
# One of this many charges is declined.
DECLINED_EVERY = 6
# Large enough for many refunds.
VISA: Mapping[str, Any] = {"amount": 90_000, "currency": "usd", "source": "tok_visa"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row. Its `name` is in its object's metadata, so that the tests do not depend on our own marker.

    `customer`, `product` and `charge` are the rows that it refers to. A price without `product` creates one.
    """

    action: str
    number: int
    is_declined: bool = False
    customer: int | None = None
    product: int | None = None
    charge: int | str | None = None
    title: str = ""  # its name, if not its number

    @property
    def name(self) -> str:
        """For example `charges-7`."""
        return f"{self.action}-{self.number}"

    @property
    def moves_money(self) -> bool:
        """Whether its action moves money."""
        return ACTIONS[self.action].moves_money

    def record(self) -> dict[str, Any]:  # Any: JSON
        """The Singer record, without references that the row does not have."""
        named = {"id": self.number, "metadata": {"row": self.name}}
        return named | {name: value for name, value in _FIELDS[self.action](self).items() if value is not None}


def _charge(row: Row) -> dict[str, Any]:  # Any: JSON
    source = "tok_chargeDeclined" if row.is_declined else "tok_visa"
    payment = {"source": source} if row.customer is None else {"customer": row.customer}
    return {"amount": 100 + row.number, "currency": "usd"} | payment


_FIELDS: dict[str, Any] = {  # Any: a Row → JSON
    "customers": lambda row: {"name": row.title or f"No. {row.number}", "source": "tok_visa"},
    "products": lambda row: {"name": row.title or f"No. {row.number}"},
    "prices": lambda row: (
        {"currency": "usd", "unit_amount": row.number}
        | ({"product_data": {"name": f"No. {row.number}"}} if row.product is None else {"product": row.product})
    ),
    "charges": _charge,
    # At most two of one charge, and every charge is larger than both.
    "refunds": lambda row: {"charge": row.charge, "amount": 50},
}


def rows_of(actions: Sequence[str], each: int) -> list[Row]:
    """`each` rows of each action, in the order of the actions.

    If the input has customers, every other charge is of one of them, and three charges have one customer. If it has
    charges, refunds are of those that are not declined; else see `furnished`.
    """
    return [_row(actions, action, number) for action in actions for number in range(each)]


def _row(actions: Sequence[str], action: str, number: int) -> Row:
    row = Row(action=action, number=number)
    if action == "charges":
        is_declined = number % DECLINED_EVERY == 5
        customer = number // 6 if number % 2 == 0 and "customers" in actions else None
        return replace(row, is_declined=is_declined, customer=customer)
    if action == "prices" and "products" in actions:
        return replace(row, product=number)
    if action == "refunds" and "charges" in actions:
        return replace(row, charge=number - (number % DECLINED_EVERY == 5))
    return row


def furnished(sandbox: Sandbox, rows: Sequence[Row]) -> list[Row]:
    """The rows; refunds without a charge get one that another program has created."""
    client = official(sandbox).v1

    def charged(row: Row) -> Row:
        is_bare = row.action == "refunds" and row.charge is None
        return replace(row, charge=client.charges.create(dict(VISA)).id) if is_bare else row

    return [charged(row) for row in rows]


def fields_of(sandbox: Sandbox, action: str) -> dict[str, Any]:  # Any: JSON
    """The fields of a valid record without its key."""
    [row] = furnished(sandbox, rows_of([action], 1))
    return {name: value for name, value in row.record().items() if name not in {"id", "metadata"}}


def messages(rows: Sequence[Row]) -> bytes:
    """The Singer lines; each STATE has the number of rows before it."""
    lines: list[dict[str, Any]] = []
    for count, row in enumerate(rows, 1):
        if count == 1 or rows[count - 2].action != row.action:
            lines.append(a_schema(row.action))
        lines += [a_record(row.action, **row.record()), a_state(rows=count)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    """The rows in another order. The rows of one action stay together, as a warehouse would send them."""
    draw = random.Random(seed)
    order = list(rows)
    draw.shuffle(order)
    actions = list(dict.fromkeys(row.action for row in rows))
    return sorted(order, key=lambda row: actions.index(row.action))
