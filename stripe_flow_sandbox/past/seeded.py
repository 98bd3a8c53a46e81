"""The objects of a seeded account, computed from the facts of its past at each read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.ids import seeded_id, seeded_index
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.state.order import Order


class SeededObjects(ABC):
    """Base of all seeded objects: their ids, and their order by `created`."""

    noun: str

    def __init__(self, past: Past, created: array[int], *, livemode: bool) -> None:
        self._past = past
        self._created = created
        self._livemode = livemode
        self.label = f"{past.label}/{self.noun}"

    def __len__(self) -> int:
        return len(self._created)

    def order(self) -> Order:
        return Order(array("q", self._created), array("q", range(len(self._created))))

    def created(self, index: int) -> int:
        return self._created[index]

    def id_of(self, index: int) -> str:
        return seeded_id(self.noun, self.label, index)

    def index_of(self, object_id: str) -> int | None:
        index = seeded_index(self.noun, self.label, object_id)
        return index if index is not None and index < len(self) else None

    @abstractmethod
    def body(self, index: int) -> bytes: ...

    @abstractmethod
    def value(self, field: str, index: int) -> str | None: ...

    def _fields_and_placeholders(self) -> Object:
        fields = fresh(self.noun)
        fields.update(id="{{id}}", created="{{created}}")
        if "livemode" in fields:
            fields["livemode"] = self._livemode
        return fields
