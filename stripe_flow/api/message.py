"""What goes out and what comes back, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from stripe_flow.api.clock import parse_date
from stripe_flow.api.transport import RawAnswer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What goes out, to the byte; kept as it is for a resend."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    idempotency_key: str | None = None

    @property
    def is_read(self) -> bool:
        return self.method == "GET"


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[T]):
    """A success: what was read from the body, Stripe's request id and time, whether Stripe replayed a stored answer,
    and how often the request was sent by this call: a replay to the first send was executed in an earlier call.

    `took_s` is the time from sending it to the last byte: what it says may be so much older than its `date_unix`.
    `api_version` is the one that Stripe says it answered in.
    """

    value: T
    request_id: str
    date_unix: int | None
    is_replay: bool
    sends: int
    took_s: float
    api_version: str | None = None


def read_object(body: bytes) -> dict[str, object]:
    """The body as an object; raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(body, type=dict[str, object])


def read_answer(raw: RawAnswer, read: Callable[[bytes], T], sends: int, took_s: float) -> Answer[T]:
    """Raises ValueError where `read` cannot use the body."""
    return Answer(
        value=read(raw.body),
        request_id=raw.headers.get("Request-Id", ""),
        date_unix=parse_date(raw.headers.get("Date")),
        is_replay=raw.headers.get("Idempotent-Replayed") == "true",
        sends=sends,
        took_s=took_s,
        api_version=raw.headers.get("Stripe-Version"),
    )
