"""An attempt: one row of the journal as a value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping

from target_stripe_flow.attempts.lifecycle import Ages, State
from target_stripe_flow.attempts.shown_key import shown_key
from target_stripe_flow.results.text import storable

# Columns with text of Stripe's answers.
_ANSWERED = ("stripe_id", "payment_intent", "request_id", "code", "decline_code", "param", "reason", "currency")

# The fingerprint of what another run sent under the same idempotency key: equal to no record's.
UNKNOWN_FINGERPRINT = ""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt to create or update an object. The fields are columns; journal/schema.py explains them."""

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
    field_marks: str | None = None
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
        """`charges:7`, as the commands take it and messages may show it; with the digest where they may not."""
        return f"{self.action}:{shown_key(self.source_key, self.digest)}"

    @property
    def key(self) -> str:
        """`charges:HASH`, as the commands take it: clear in any source, and never a person's name or address."""
        return f"{self.action}:{self.digest}"

    @property
    def is_update(self) -> bool:
        return self.revision > 0

    @property
    def is_conflict(self) -> bool:
        """Whether its idempotency key was used with other bytes: what the key made was not made from this record."""
        was_conflict = self.state is State.PARKED and self.fingerprint == UNKNOWN_FINGERPRINT
        return was_conflict or self.state is State.CONFLICT

    @property
    def origin(self) -> str:
        """The marker of the attempt that created the object; for an update, of the object that it updates."""
        return f"{self.digest}:{self.attempt}"

    @property
    def marker(self) -> str:
        """The value of `metadata[stripe_flow]` in its object after this attempt."""
        return f"{self.origin}:{self.revision}" if self.is_update else self.origin

    def ages(self, now_unix: float) -> Ages:
        """The ages at Stripe's time `now_unix`. A row without times counts as very old."""
        return Ages(key_s=now_unix - (self.first_sent_unix or 0), quiet_s=now_unix - (self.last_sent_unix or 0))

    def content(self) -> dict[str, Any]:  # Any: values of columns
        """The columns that say which record was sent."""
        return {name: getattr(self, name) for name in ("fingerprint", "accepted", "field_marks")}

    def row(self) -> dict[str, Any]:  # Any: values of columns
        """The values of the columns by name. What Stripe's answers say is stored without what no column can hold."""
        answered = {name: storable(value) for name in _ANSWERED if (value := getattr(self, name)) is not None}
        key = None if self.source_key is None else json.dumps(self.source_key)
        return asdict(self) | answered | {"source_key": key, "state": self.state.value}


def read_attempt(row: RowMapping) -> Attempt:
    """The attempt in a row. Raises ValueError for a state that this release does not know."""
    columns: dict[str, Any] = {str(name): value for name, value in row.items()}  # Any: values of columns
    key = columns["source_key"]
    parts = None if key is None else tuple(json.loads(key))
    return Attempt(**(columns | {"source_key": parts, "state": State(row["state"])}))
