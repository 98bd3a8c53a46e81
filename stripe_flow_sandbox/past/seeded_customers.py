"""Seeded customers, their cards as payment methods, and seeded products."""

from __future__ import annotations

from array import array
from functools import cached_property

from typing_extensions import override

from stripe_flow_sandbox.answers.codec import Object, encode
from stripe_flow_sandbox.answers.ids import seeded_id, seeded_index
from stripe_flow_sandbox.answers.templates import Template, digits, quoted
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.tokens import TOKENS, card_object, expiry_year
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded import SeededObjects


class SeededProducts(SeededObjects):
    """At most 20 products."""

    noun = "product"

    def __init__(self, past: Past, *, livemode: bool) -> None:
        super().__init__(past, past.created[: min(20, past.customers)], livemode=livemode)

    @cached_property
    def _template(self) -> Template:
        return Template(self._fields_and_placeholders() | {"name": "{{name}}", "updated": "{{created}}"})

    @override
    def body(self, index: int) -> bytes:
        values = {b"id": quoted(self.id_of(index)), b"created": digits(self._created[index])}
        return self._template.fill({**values, b"name": b'"Product %d"' % (index + 1)})

    @override
    def value(self, field: str, index: int) -> str | None:
        return {"id": self.id_of(index), "active": "true", "type": "service"}.get(field)


PAYING_TOKENS = tuple(name for name, token in TOKENS.items() if token.decline is None)

_FIRST_NAMES = ("Ada", "Blaise", "Carl", "Emmy", "Grace", "Hedy", "Kurt", "Sofia")

_LAST_NAMES = ("Berg", "Castro", "Duarte", "Fields", "Haas", "Ito", "Moreau", "Novak")


class SeededCustomers(SeededObjects):
    """Customers with an e-mail address and a card that can be charged."""

    noun = "customer"

    def __init__(self, past: Past, *, livemode: bool) -> None:
        created = array("q", map(past.customer_created, range(past.customers)))
        super().__init__(past, created, livemode=livemode)
        self.card_label = f"{self.label}/card"

    @cached_property
    def _template(self) -> Template:
        placeholders = {name: f"{{{{{name}}}}}" for name in ("email", "name", "invoice_prefix", "default_source")}
        return Template(self._fields_and_placeholders() | placeholders)

    @override
    def body(self, index: int) -> bytes:
        customer_id = self.id_of(index)
        name = f"{_FIRST_NAMES[index % 8]} {_LAST_NAMES[index // 8 % 8]}"
        return self._template.fill(
            {
                b"id": quoted(customer_id),
                b"created": digits(self._created[index]),
                b"email": quoted(self._email(index)),
                b"name": quoted(name),
                b"invoice_prefix": quoted(customer_id[-8:].upper()),
                b"default_source": quoted(self._card_id(index)),
            }
        )

    @override
    def value(self, field: str, index: int) -> str | None:
        return self._email(index) if field == "email" else None

    def card(self, card_id: str) -> Object | None:
        """The saved card with this id, None if there is none. Each seeded customer has one card."""
        index = seeded_index("card", self.card_label, card_id)
        if index is None or index >= len(self):
            return None
        token = TOKENS[PAYING_TOKENS[index % len(PAYING_TOKENS)]]
        year = expiry_year(self._created[index])
        return card_object(token, card_id, year, customer=self.id_of(index))

    def card_body(self, index: int) -> bytes:
        """The saved card of the customer with this index."""
        return encode(self.card(self._card_id(index)) or {})

    def _card_id(self, index: int) -> str:
        return seeded_id("card", self.card_label, index)

    def _email(self, index: int) -> str:
        return f"customer{index}@example.com"


class SeededMethods(SeededObjects):
    """The customers' cards as payment methods: a saved card is both."""

    noun = "card"

    def __init__(self, past: Past, customers: SeededCustomers, *, livemode: bool) -> None:
        super().__init__(past, array("q", map(customers.created, range(len(customers)))), livemode=livemode)
        self._customers = customers
        self.label = customers.card_label

    @override
    def body(self, index: int) -> bytes:
        card = self._customers.card(self.id_of(index)) or {}
        return encode(method_of(card) | {"created": self._created[index], "livemode": self._livemode})

    @override
    def value(self, field: str, index: int) -> str | None:
        return {"customer": self._customers.id_of(index), "type": "card"}.get(field)
