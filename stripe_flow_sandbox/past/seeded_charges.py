"""Seeded charges and their refunds."""

from __future__ import annotations

from functools import cache, cached_property

from typing_extensions import override

from stripe_flow_sandbox.answers.ids import seeded_id, sibling_id
from stripe_flow_sandbox.answers.templates import Template, digits, quoted
from stripe_flow_sandbox.objects.charge_fields import mark_captured, mark_failed, write_card
from stripe_flow_sandbox.objects.tokens import TOKENS, card_object, expiry_year
from stripe_flow_sandbox.past.past import ChargeFacts, Past
from stripe_flow_sandbox.past.seeded import SeededObjects
from stripe_flow_sandbox.past.seeded_customers import PAYING_TOKENS, SeededCustomers

_DECLINES = tuple(token.decline for token in TOKENS.values() if token.decline is not None)


class SeededCharges(SeededObjects):
    """Paid, failed and refunded charges, most of them with a customer."""

    noun = "charge"

    def __init__(self, past: Past, customers: SeededCustomers, *, livemode: bool) -> None:
        super().__init__(past, past.created, livemode=livemode)
        self._customers = customers
        self._year = expiry_year(past.created[-1])
        self._template = cache(self._make_template)

    def _make_template(self, card: int, declined: int | None) -> Template:
        """The template of all charges with the same test card and the same result."""
        fields = self._fields_and_placeholders() | {
            name: f"{{{{{name}}}}}" for name in ("amount", "amount_refunded", "customer", "description", "refunded")
        }
        token = TOKENS[PAYING_TOKENS[card % len(PAYING_TOKENS)]]
        write_card(fields, card_object(token, "{{card}}", self._year, customer=None))
        if declined is None:
            mark_captured(fields, fields["amount"], "{{balance_transaction}}")
        else:
            mark_failed(fields, _DECLINES[declined])
        return Template(fields)

    @override
    def body(self, index: int) -> bytes:
        facts = self._past.charge(index)
        return self._rendered(index, facts, facts.refunded)

    def body_when_made(self, index: int) -> bytes:
        """The charge before its refund."""
        return self._rendered(index, self._past.charge(index), 0)

    def customer_of(self, index: int) -> bytes:
        """The id of the customer as JSON, null for a charge without one."""
        return self._customer(self._past.customer_of(index))

    def card_of(self, index: int) -> str:
        """The id of the card that was charged."""
        return sibling_id("card", "charge", self.id_of(index))

    def _customer(self, customer: int | None) -> bytes:
        return b"null" if customer is None else quoted(self._customers.id_of(customer))

    def _rendered(self, index: int, facts: ChargeFacts, refunded: int) -> bytes:
        charge_id = self.id_of(index)
        amount = digits(facts.amount)
        declined = None if facts.declined is None else facts.declined % len(_DECLINES)
        return self._template(facts.card % len(PAYING_TOKENS), declined).fill(
            {
                b"id": quoted(charge_id),
                b"created": digits(self._created[index]),
                b"amount": amount,
                b"amount_refunded": digits(refunded),
                b"refunded": b"true" if refunded == facts.amount else b"false",
                b"customer": self._customer(facts.customer),
                b"description": b'"Order %d"' % (index + 1),
                b"card": quoted(sibling_id("card", "charge", charge_id)),
                b"balance_transaction": quoted(sibling_id("balance_transaction", "charge", charge_id)),
            }
        )

    @override
    def value(self, field: str, index: int) -> str | None:
        customer = self._past.customer_of(index) if field == "customer" else None
        return None if customer is None else self._customers.id_of(customer)


class SeededRefunds(SeededObjects):
    """Refunds of about one paid charge in eleven, up to twelve days after the charge."""

    noun = "refund"

    def __init__(self, past: Past, charges: SeededCharges, *, livemode: bool) -> None:
        super().__init__(past, past.refund_created, livemode=livemode)
        self._charges = charges

    @cached_property
    def _template(self) -> Template:
        names = ("amount", "charge", "balance_transaction", "customer", "payment_method")
        placeholders = {name: f"{{{{{name}}}}}" for name in names}
        return Template(self._fields_and_placeholders() | placeholders)

    @override
    def body(self, index: int) -> bytes:
        charge = self._past.refund_charge[index]
        return self._template.fill(
            {
                b"id": quoted(self.id_of(index)),
                b"created": digits(self._created[index]),
                b"amount": digits(self._past.refund_amount(charge)),
                b"charge": quoted(self._charges.id_of(charge)),
                b"customer": self._charges.customer_of(charge),
                b"payment_method": quoted(self._charges.card_of(charge)),
                b"balance_transaction": quoted(seeded_id("balance_transaction", self.label, index)),
            }
        )

    @override
    def value(self, field: str, index: int) -> str | None:
        return self._charges.id_of(self._past.refund_charge[index]) if field == "charge" else None
