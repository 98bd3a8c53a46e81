"""The events of a seeded account's last 30 days, computed from its objects at each read.

Only their order is stored. An event shows its object as it was then, for example a charge before its refund.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.answers.ids import seeded_id, seeded_index
from stripe_flow_sandbox.answers.templates import Template, digits, quoted
from stripe_flow_sandbox.answers.versions import is_older, list_inside, shown_in
from stripe_flow_sandbox.objects.resources.events import KEPT_S
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded_charges import SeededCharges, SeededRefunds
from stripe_flow_sandbox.past.seeded_customers import SeededCustomers, SeededProducts
from stripe_flow_sandbox.state.collection import Seeded
from stripe_flow_sandbox.state.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One event for each of `objects`, in the second of its `created`: the event's type and object, by index."""

    objects: Seeded
    type_of: Callable[[int], str]
    body: Callable[[int], bytes]
    # Member that the object shows in older API versions → what its list holds.
    inside: Callable[[int], Mapping[str, list[bytes]]] = lambda _: {}


def event_sources_of(
    past: Past, charges: SeededCharges, customers: SeededCustomers, products: SeededProducts, refunds: SeededRefunds
) -> list[EventSource]:
    """All sources of events of a past."""

    def paid_or_failed(index: int) -> str:
        return "charge.succeeded" if past.is_paid(index) else "charge.failed"

    def refund(index: int) -> Mapping[str, list[bytes]]:
        return {"refunds": [refunds.body(index)]}

    def source(index: int) -> Mapping[str, list[bytes]]:
        return {"sources": [customers.card_body(index)]}

    def refunded_charge(index: int) -> bytes:
        return charges.body(past.refund_charge[index])

    return [
        EventSource(objects=charges, type_of=paid_or_failed, body=charges.body_when_made),
        EventSource(objects=refunds, type_of=lambda _: "refund.created", body=refunds.body),
        EventSource(objects=refunds, type_of=lambda _: "charge.refunded", body=refunded_charge, inside=refund),
        EventSource(objects=customers, type_of=lambda _: "customer.created", body=customers.body, inside=source),
        EventSource(objects=products, type_of=lambda _: "product.created", body=products.body),
    ]


# A prime above any number of events: multiplying by it shuffles the numbers and gives source event its own.
_STEP = 2_147_483_647


class SeededEvents:
    """Events by number. The numbers are shuffled, because Stripe keeps no order within one second."""

    def __init__(self, past: Past, sources: Sequence[EventSource], api_version: str, *, livemode: bool) -> None:
        """No event is older than 30 days before the sandbox's start, even if its clock is set back."""
        self.label = f"{past.label}/event"
        self._sources = sources
        self._api_version = api_version
        self._livemode = livemode
        since = past.now - KEPT_S
        # For each source: its first object that is not too old, and the number of events of the sources before it.
        self._firsts = [bisect_left(range(len(one.objects)), since, key=one.objects.created) for one in sources]
        kept = [len(source.objects) - first for source, first in zip(sources, self._firsts, strict=True)]
        self._starts = list(accumulate(kept, initial=0))
        self._count = self._starts.pop()
        self._step_back = pow(_STEP, -1, max(1, self._count))

    def __len__(self) -> int:
        return self._count

    def order(self) -> Order:
        bits = self._count.bit_length()
        # Each source is sorted already, so sorting takes little more time than merging.
        keys = sorted(second << bits | number for second, number in self._seconds())
        mask = (1 << bits) - 1
        return Order(array("q", (key >> bits for key in keys)), array("q", (key & mask for key in keys)))

    def id_of(self, index: int) -> str:
        return seeded_id("event", self.label, index)

    def index_of(self, object_id: str) -> int | None:
        index = seeded_index("event", self.label, object_id)
        return index if index is not None and index < self._count else None

    def created(self, index: int) -> int:
        source, object_index = self._source_of(index)
        return source.objects.created(object_index)

    def body(self, index: int) -> bytes:
        source, object_index = self._source_of(index)
        shown = source.body(object_index)
        if is_older(self._api_version):
            inside = source.inside(object_index)

            def lists(owner: Object, name: str) -> object:
                return list_inside(owner, name, [decode(each) for each in inside.get(name, ())])

            shown = encode(shown_in(self._api_version, decode(shown), lists))
        return self._template.fill(
            {
                b"id": quoted(self.id_of(index)),
                b"created": digits(source.objects.created(object_index)),
                b"type": quoted(source.type_of(object_index)),
                b"object": shown,
            }
        )

    def value(self, field: str, index: int) -> str | None:
        if field == "pending_webhooks":
            return "0"
        source, object_index = self._source_of(index)
        return source.type_of(object_index) if field == "type" else None

    @cached_property
    def _template(self) -> Template:
        facts = {"api_version": self._api_version, "livemode": self._livemode, "data": {"object": "{{object}}"}}
        return Template(fresh("event") | facts | {name: f"{{{{{name}}}}}" for name in ("id", "created", "type")})

    def _seconds(self) -> Iterator[tuple[int, int]]:
        """(second, number) of every event, source by source."""
        position = 0
        for source, first in zip(self._sources, self._firsts, strict=True):
            for object_index in range(first, len(source.objects)):
                yield source.objects.created(object_index), position * _STEP % self._count
                position += 1

    def _source_of(self, index: int) -> tuple[EventSource, int]:
        """The source of the event with this number, and the index of its object."""
        position = index * self._step_back % self._count
        source = bisect_right(self._starts, position) - 1
        return self._sources[source], self._firsts[source] + position - self._starts[source]
