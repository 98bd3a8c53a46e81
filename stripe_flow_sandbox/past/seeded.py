"""The objects of a seeded account, made from the facts of its past when somebody asks for one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from functools import cache, cached_property

from typing_extensions import override

from stripe_flow_sandbox.answers.blanks import Form, digits, quoted
from stripe_flow_sandbox.answers.codec import Object, encode
from stripe_flow_sandbox.answers.ids import seeded_id, seeded_index, sibling_id
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.resources.charges import fail, pay_with, settle
from stripe_flow_sandbox.objects.tokens import TOKENS, card_object, expiry_year
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.past.past import ChargeFacts, Past
from stripe_flow_sandbox.state.order import Order

_PAYING = tuple(name for name, token in TOKENS.items() if token.decline is None)
_DECLINES = tuple(token.decline for token in TOKENS.values() if token.decline is not None)
_FIRST_NAMES = ("Ada", "Blaise", "Carl", "Emmy", "Grace", "Hedy", "Kurt", "Sofia")
_LAST_NAMES = ("Berg", "Castro", "Duarte", "Fields", "Haas", "Ito", "Moreau", "Novak")


class _Seeded(ABC):
    """What all seeded objects have in common: their ids, and their order by the seconds they were created in."""

    noun: str

    def __init__(self, past: Past, created: array[int], *, livemode: bool) -> None:
        self._past = past
        self._created = created
        self._livemode = livemode
        self._label = f"{past.label}/{self.noun}"

    def __len__(self) -> int:
        return len(self._created)

    def order(self) -> Order:
        return Order(array("q", self._created), array("q", range(len(self._created))))

    def created(self, index: int) -> int:
        return self._created[index]

    def id_of(self, index: int) -> str:
        return seeded_id(self.noun, self._label, index)

    def index_of(self, object_id: str) -> int | None:
        index = seeded_index(self.noun, self._label, object_id)
        return index if index is not None and index < len(self) else None

    @abstractmethod
    def body(self, index: int) -> bytes: ...

    @abstractmethod
    def value(self, field: str, index: int) -> str | None: ...

    def _blank(self) -> Object:
        blank = fresh(self.noun)
        blank.update(id="{{id}}", created="{{created}}")
        if "livemode" in blank:
            blank["livemode"] = self._livemode
        return blank


class SeededCustomers(_Seeded):
    """Customers with an e-mail address and a card that can be charged."""

    noun = "customer"

    def __init__(self, past: Past, *, livemode: bool) -> None:
        created = array("q", map(past.customer_created, range(past.customers)))
        super().__init__(past, created, livemode=livemode)
        self.card_label = f"{self._label}/card"

    @cached_property
    def _form(self) -> Form:
        blanks = {name: f"{{{{{name}}}}}" for name in ("email", "name", "invoice_prefix", "default_source")}
        return Form(self._blank() | blanks)

    @override
    def body(self, index: int) -> bytes:
        customer_id = self.id_of(index)
        name = f"{_FIRST_NAMES[index % 8]} {_LAST_NAMES[index // 8 % 8]}"
        return self._form.fill(
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
        """The saved card of this id; each seeded customer has one."""
        index = seeded_index("card", self.card_label, card_id)
        if index is None or index >= len(self):
            return None
        token = TOKENS[_PAYING[index % len(_PAYING)]]
        year = expiry_year(self._created[index])
        return card_object(token, card_id, year, customer=self.id_of(index))

    def _card_id(self, index: int) -> str:
        return seeded_id("card", self.card_label, index)

    def _email(self, index: int) -> str:
        return f"customer{index}@example.com"


class SeededMethods(_Seeded):
    """The customers' cards once more, as payment methods: saved cards are both."""

    noun = "card"

    def __init__(self, past: Past, customers: SeededCustomers, *, livemode: bool) -> None:
        super().__init__(past, array("q", map(customers.created, range(len(customers)))), livemode=livemode)
        self._customers = customers
        self._label = customers.card_label

    @override
    def body(self, index: int) -> bytes:
        card = self._customers.card(self.id_of(index)) or {}
        return encode(method_of(card) | {"created": self._created[index], "livemode": self._livemode})

    @override
    def value(self, field: str, index: int) -> str | None:
        return {"customer": self._customers.id_of(index), "type": "card"}.get(field)


class SeededCharges(_Seeded):
    """Paid, failed and refunded charges, most of them with a customer."""

    noun = "charge"

    def __init__(self, past: Past, customers: SeededCustomers, *, livemode: bool) -> None:
        super().__init__(past, past.created, livemode=livemode)
        self._customers = customers
        self._year = expiry_year(past.created[-1])
        self._form = cache(self._make_form)

    def _make_form(self, card: int, declined: int | None) -> Form:
        """The form of all charges that were paid with the same kind of card and ended alike."""
        blank = self._blank() | {
            name: f"{{{{{name}}}}}" for name in ("amount", "amount_refunded", "customer", "description", "refunded")
        }
        token = TOKENS[_PAYING[card % len(_PAYING)]]
        pay_with(blank, card_object(token, "{{card}}", self._year, customer=None))
        if declined is None:
            settle(blank, blank["amount"], "{{balance_transaction}}")
        else:
            fail(blank, _DECLINES[declined])
        return Form(blank)

    @override
    def body(self, index: int) -> bytes:
        facts = self._past.charge(index)
        return self._shown(index, facts, facts.refunded)

    def body_when_made(self, index: int) -> bytes:
        """The charge before anything of it was given back."""
        return self._shown(index, self._past.charge(index), 0)

    def _shown(self, index: int, facts: ChargeFacts, refunded: int) -> bytes:
        charge_id = self.id_of(index)
        amount = digits(facts.amount)
        customer = b"null" if facts.customer is None else quoted(self._customers.id_of(facts.customer))
        declined = None if facts.declined is None else facts.declined % len(_DECLINES)
        return self._form(facts.card % len(_PAYING), declined).fill(
            {
                b"id": quoted(charge_id),
                b"created": digits(self._created[index]),
                b"amount": amount,
                b"amount_refunded": digits(refunded),
                b"refunded": b"true" if refunded == facts.amount else b"false",
                b"customer": customer,
                b"description": b'"Order %d"' % (index + 1),
                b"card": quoted(sibling_id("card", "charge", charge_id)),
                b"balance_transaction": quoted(sibling_id("balance_transaction", "charge", charge_id)),
            }
        )

    @override
    def value(self, field: str, index: int) -> str | None:
        customer = self._past.customer_of(index) if field == "customer" else None
        return None if customer is None else self._customers.id_of(customer)


class SeededRefunds(_Seeded):
    """Refunds of some charges, some hours or days after them."""

    noun = "refund"

    def __init__(self, past: Past, charges: SeededCharges, *, livemode: bool) -> None:
        super().__init__(past, past.refund_created, livemode=livemode)
        self._charges = charges

    @cached_property
    def _form(self) -> Form:
        blanks = {name: f"{{{{{name}}}}}" for name in ("amount", "charge", "balance_transaction")}
        return Form(self._blank() | blanks)

    @override
    def body(self, index: int) -> bytes:
        charge = self._past.refund_charge[index]
        return self._form.fill(
            {
                b"id": quoted(self.id_of(index)),
                b"created": digits(self._created[index]),
                b"amount": digits(self._past.refund_amount(charge)),
                b"charge": quoted(self._charges.id_of(charge)),
                b"balance_transaction": quoted(seeded_id("balance_transaction", self._label, index)),
            }
        )

    @override
    def value(self, field: str, index: int) -> str | None:
        return self._charges.id_of(self._past.refund_charge[index]) if field == "charge" else None


class SeededProducts(_Seeded):
    """A few products."""

    noun = "product"

    def __init__(self, past: Past, *, livemode: bool) -> None:
        super().__init__(past, past.created[: min(20, past.customers)], livemode=livemode)

    @cached_property
    def _form(self) -> Form:
        return Form(self._blank() | {"name": "{{name}}", "updated": "{{created}}"})

    @override
    def body(self, index: int) -> bytes:
        values = {b"id": quoted(self.id_of(index)), b"created": digits(self._created[index])}
        return self._form.fill({**values, b"name": b'"Product %d"' % (index + 1)})

    @override
    def value(self, field: str, index: int) -> str | None:
        return {"id": self.id_of(index), "active": "true", "type": "service"}.get(field)
