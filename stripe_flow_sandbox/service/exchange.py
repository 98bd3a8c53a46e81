"""One request, and the state that its way through the sandbox adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.shapes import API_VERSION
from stripe_flow_sandbox.service.link import Link
from stripe_flow_sandbox.state.idempotency import Answer, Claim
from stripe_flow_sandbox.state.requestlog import Entry
from stripe_flow_sandbox.state.space import Space

Point = Literal["before_read", "before_execute", "after_execute", "before_answer"]
Ending = Literal["close", "reset"]


class ConnectionCut(Exception):
    """Raised to end the connection at once, without an answer or with a part of it."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending: Ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as received; header names in lower case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A request that passed all checks: its account, operation, parameters and claimed idempotency key."""

    space: Space
    operation: Operation
    path_ids: tuple[str, ...]
    params: Object
    claim: Claim | None


@dataclass(slots=True, kw_only=True)
class Sending:
    """How the answer is sent: the bytes of head or body after which it is cut, and its speed.

    Bytes are those on the wire: of a compressed body where it is compressed. An answer cut to `truncated_to` bytes of
    its body says that these are all.
    """

    head_bytes: int | None = None
    body_bytes: int | None = None
    truncated_to: int | None = None
    ending: Ending = "close"
    chunk_bytes: int | None = None
    pause_s: float = 0.0
    link: Link | None = None


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request, the results of the steps it has passed, and its answer once there is one."""

    request: Request
    entry: Entry
    # The account and mode, and the operation, whose rates the request counts against.
    account: str
    operation: str
    # The API version of the answer.
    version: str = API_VERSION
    admitted: Admitted | None = None
    answer: Answer | None = None
    # The answer that the idempotency key will replay; None frees the key.
    stored: Answer | None = None
    visible_after_s: int = 0
    sending: Sending = field(default_factory=Sending)
    when_done: list[Callable[[], None]] = field(default_factory=list)

    def answered(self) -> Answer:
        """The answer. Raises RuntimeError if there is none, which is a bug of the sandbox."""
        if self.answer is None:
            raise RuntimeError(f"the sandbox made no answer for {self.request.method} {self.request.path}")
        return self.answer
