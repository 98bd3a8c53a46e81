"""One row of the journal, as a value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping

from target_stripe_flow.attempts.lifecycle import Ages, State


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The columns of `schema.attempts`; their meaning stands there."""

    digest: str
    attempt: int
    revision: int = 0
    account: str
    mode: str
    action: str
    source_name: str | None = None
    source_key: tuple[str, ...] | None = None
    fingerprint: str | None = None
    accepted: str | None = None
    path: str | None = None
    body: bytes | None = None
    api_version: str | None = None
    stripe_account: str | None = None
    idempotency_key: str | None = None
    first_sent_unix: int | None = None
    last_sent_unix: int | None = None
    settled_unix: int | None = None
    state: State
    stripe_id: str | None = None
    payment_intent: str | None = None
    request_id: str | None = None
    http_status: int | None = None
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    reason: str | None = None
    owner: str | None = None
    amount: int | None = None
    currency: str | None = None

    @property
    def name(self) -> str:
        """`charges:7`, as the operator's commands take it; the hash where the key is not known."""
        return f"{self.action}:{self.digest if self.source_key is None else ','.join(self.source_key)}"

    @property
    def is_update(self) -> bool:
        return self.revision > 0

    @property
    def origin(self) -> str:
        """The marker of the attempt that made the object, whichever update it is of."""
        return f"{self.digest}:{self.attempt}"

    @property
    def marker(self) -> str:
        """What `metadata[stripe_flow]` of its object holds, once this attempt is through."""
        return f"{self.origin}:{self.revision}" if self.is_update else self.origin

    def ages(self, now_unix: float) -> Ages:
        """At Stripe's time `now_unix`. A row without times is as old as can be."""
        return Ages(key_s=now_unix - (self.first_sent_unix or 0), quiet_s=now_unix - (self.last_sent_unix or 0))

    def row(self) -> dict[str, Any]:  # Any: what the columns hold
        key = None if self.source_key is None else json.dumps(self.source_key)
        return asdict(self) | {"source_key": key, "state": self.state.value}


def read_attempt(row: RowMapping) -> Attempt:
    """Raises ValueError for a state that this release does not know."""
    columns: dict[str, Any] = {str(name): value for name, value in row.items()}  # Any: as above
    key = columns["source_key"]
    parts = None if key is None else tuple(json.loads(key))
    return Attempt(**(columns | {"source_key": parts, "state": State(row["state"])}))
