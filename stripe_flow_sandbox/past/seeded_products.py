"""Seeded products."""

from __future__ import annotations

from functools import cached_property

from typing_extensions import override

from stripe_flow_sandbox.answers.templates import Template, digits, quoted
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
