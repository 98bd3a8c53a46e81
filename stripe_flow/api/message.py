"""A request and its answer, as values."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Generic, TypeVar

import msgspec

from stripe_flow.api.clock import parse_date
from stripe_flow.api.connection import Connection
from stripe_flow.api.operations import operation_of
from stripe_flow.api.stripe_ids import shown_path
from stripe_flow.api.transport import RawAnswer

T = TypeVar("T")

# Stripe's support and request log identify the client by it.
USER_AGENT = f"stripe-flow/{version('stripe-flow')}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The exact bytes of a request, unchanged when it is sent again. `path` starts with `/v1/`, `query` has no `?`."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    idempotency_key: str | None = None

    @property
    def name(self) -> str:
        """Method and path, as messages show them."""
        return f"{self.method} {shown_path(self.path)}"

    @property
    def operation(self) -> str:
        """What Stripe counts this request's rate by."""
        return operation_of(self.method, self.path)

    @property
    def is_read(self) -> bool:
        """Whether the request changes nothing at Stripe."""
        return self.method == "GET"


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[T]):
    """A success: `value` is read from the body, `date_unix` is Stripe's time.

    `is_replay`: Stripe replayed a stored answer. `sends` counts the sends of this call, so a replay with `sends == 1`
    answers a request of an earlier call. `took_s` is the time from sending to the last byte: the value may be that much
    older than `date_unix`. `api_version` is the version that Stripe answered in.
    """

    value: T
    request_id: str
    date_unix: int | None
    is_replay: bool
    sends: int
    took_s: float
    api_version: str | None = None


def headers_of(request: Request, connection: Connection) -> dict[str, str]:
    """The headers of a request; they hold the API key."""
    credentials = base64.b64encode(f"{connection.key.secret}:".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Stripe-Version": connection.api_version}
    if connection.account is not None:
        headers["Stripe-Account"] = connection.account
    if request.idempotency_key is not None:
        headers["Idempotency-Key"] = request.idempotency_key
    if request.body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if request.is_read:
        headers["Accept-Encoding"] = "gzip"
    return headers | {"User-Agent": USER_AGENT, "Accept": "application/json"}


# An escape in JSON: a whole surrogate pair, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object in the body. Raises ValueError when it is anything else."""
    return decode(body, dict[str, object])


def decode(body: bytes, kind: type[T]) -> T:
    """The JSON in the body as a value of this type, without halves of surrogate pairs. Raises ValueError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        whole = _ESCAPE.sub(lambda found: b"" if found[1] else found[0], body)
        if whole == body:
            raise
        return msgspec.json.decode(whole, type=kind)


def read_answer(raw: RawAnswer, read: Callable[[bytes], T], sends: int, took_s: float) -> Answer[T]:
    """The answer with the body read by `read`. Raises ValueError when `read` cannot use the body."""
    return Answer(
        value=read(raw.body),
        request_id=raw.headers.get("Request-Id", ""),
        date_unix=parse_date(raw.headers.get("Date")),
        is_replay=raw.headers.get("Idempotent-Replayed") == "true",
        sends=sends,
        took_s=took_s,
        api_version=raw.headers.get("Stripe-Version"),
    )
