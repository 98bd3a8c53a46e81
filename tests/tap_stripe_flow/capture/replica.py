"""Runs of one stream under `capture: changes`, one after the other, and what a warehouse that upserts then holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stripe_flow.api.errors import StripeFlowError
from tests.lists.tap import read_stream
from tests.support.plugins import Message, a_config


@dataclass(kw_only=True)
class Replica:
    """`rows` are the last records by id; `state` is that of the last run, and `states` are all that it wrote."""

    stream: str
    url: str
    account: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    rows: dict[str, Message] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)
    states: Sequence[Mapping[str, object]] = ()
    error: StripeFlowError | None = None

    def run(self, *, killed_after: int | None = None, **settings: object) -> list[Message]:
        """The records of a run; it ends after so many states. An error of ours is kept in `error`."""
        whole = {"capture": "changes", "give_up_after_s": 1, **self.settings, **settings}
        records: list[Message] = []
        self.states, self.error = [], None
        try:
            for batch in read_stream(self.stream, a_config(self.url, **whole), self.account, self.state):
                records += [record.as_record() for record in batch.records]
                self.states = self.states if batch.state is None else [*self.states, batch.state]
                if killed_after is not None and len(self.states) == killed_after:
                    break
        except StripeFlowError as error:
            self.error = error
        self.state = self.states[-1] if self.states else self.state
        self.rows |= {record["id"]: record for record in records}
        return records
