"""Balance transactions of the seeded charges and refunds: one for each that was paid, available at once."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import cached_property

from typing_extensions import override

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.ids import owner_of_sibling, seeded_id, seeded_index, sibling_id
from stripe_flow_sandbox.answers.templates import Template, digits, quoted
from stripe_flow_sandbox.objects.examples import example_fields
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded import SeededObjects
from stripe_flow_sandbox.past.seeded_charges import SeededCharges, SeededRefunds
from stripe_flow_sandbox.state.order import Order

NOUN = "balance_transaction"
# A row is one number, which sorts as the list: the second, whether it is a refund, and the index among its kind.
_SECOND, _IS_REFUND, _INDEX = 33, 1 << 32, (1 << 32) - 1


class SeededMovements(SeededObjects):
    """The balance transactions in the order of their `created`; only that order is stored, at the first read."""

    noun = NOUN

    def __init__(self, past: Past, charges: SeededCharges, refunds: SeededRefunds, *, livemode: bool) -> None:
        super().__init__(past, array("q"), livemode=livemode)
        self._charges = charges
        self._refunds = refunds

    @cached_property
    def _rows(self) -> array[int]:
        past = self._past
        paid = [past.created[index] << _SECOND | index for index in range(past.count) if past.is_paid(index)]
        back = [second << _SECOND | _IS_REFUND | index for index, second in enumerate(past.refund_created)]
        return array("Q", sorted(paid + back))

    @cached_property
    def _templates(self) -> dict[str, Template]:
        names = ("amount", "available_on", "created", "id", "net", "source")
        fields: Object = example_fields(NOUN) | {name: f"{{{{{name}}}}}" for name in names} | {"description": None}
        return {kind: Template(fields | {"reporting_category": kind, "type": kind}) for kind in ("charge", "refund")}

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @override
    def order(self) -> Order:
        return Order(array("q", map(self.created, range(len(self)))), array("q", range(len(self))))

    @override
    def created(self, index: int) -> int:
        return self._rows[index] >> _SECOND

    @override
    def id_of(self, index: int) -> str:
        row = self._rows[index]
        if row & _IS_REFUND:
            return seeded_id(NOUN, self._refunds.label, row & _INDEX)
        return sibling_id(NOUN, "charge", self._charges.id_of(row & _INDEX))

    @override
    def index_of(self, object_id: str) -> int | None:
        charge = self._charges.index_of(owner_of_sibling(NOUN, "charge", object_id))
        if charge is not None:
            return self._position(self._past.created[charge] << _SECOND | charge)
        refund = seeded_index(NOUN, self._refunds.label, object_id)
        if refund is None or refund >= len(self._past.refund_created):
            return None
        return self._position(self._past.refund_created[refund] << _SECOND | _IS_REFUND | refund)

    def _position(self, row: int) -> int | None:
        position = bisect_left(self._rows, row)
        return position if position < len(self) and self._rows[position] == row else None

    @override
    def body(self, index: int) -> bytes:
        source = self._rows[index] & _INDEX
        is_refund = self._rows[index] & _IS_REFUND
        amount = (
            -self._past.refund_amount(self._past.refund_charge[source])
            if is_refund
            else self._past.charge(source).amount
        )
        created = digits(self.created(index))
        return self._templates["refund" if is_refund else "charge"].fill(
            {
                b"id": quoted(self.id_of(index)),
                b"created": created,
                b"available_on": created,
                b"amount": digits(amount),
                b"net": digits(amount),
                b"source": quoted(self._source(index)),
            }
        )

    def _source(self, index: int) -> str:
        row = self._rows[index]
        return (self._refunds if row & _IS_REFUND else self._charges).id_of(row & _INDEX)

    @override
    def value(self, field: str, index: int) -> str | None:
        if field == "id":
            return self.id_of(index)
        if field == "source":
            return self._source(index)
        kind = "refund" if self._rows[index] & _IS_REFUND else "charge"
        return {"currency": "usd", "type": kind}.get(field)
