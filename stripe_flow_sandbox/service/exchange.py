"""One request on its way through the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.shapes import API_VERSION
from stripe_flow_sandbox.state.idempotency import Answer, Claim
from stripe_flow_sandbox.state.requestlog import Entry
from stripe_flow_sandbox.state.space import Space

Point = Literal["before_read", "before_execute", "after_execute", "before_answer"]
Ending = Literal["close", "reset"]


class ConnectionCut(Exception):
    """The connection ends here and now, without (the rest of) an answer."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending: Ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was read; header names in lower case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What is known once a request may be executed: where, what, and under which idempotency key."""

    space: Space
    operation: Operation
    path_ids: tuple[str, ...]
    params: Object
    claim: Claim | None


@dataclass(slots=True, kw_only=True)
class Sending:
    """How the bytes of the answer leave: where they stop, how fast they come."""

    head_bytes: int | None = None
    body_bytes: int | None = None
    ending: Ending = "close"
    chunk_bytes: int | None = None
    pause_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request, what is known of it so far, and its answer once there is one."""

    request: Request
    entry: Entry
    # The API version that the answer is in.
    version: str = API_VERSION
    admitted: Admitted | None = None
    answer: Answer | None = None
    # What the idempotency key will replay; None: the key is as good as new.
    stored: Answer | None = None
    visible_after_s: int = 0
    sending: Sending = field(default_factory=Sending)
    when_done: list[Callable[[], None]] = field(default_factory=list)

    def answered(self) -> Answer:
        """The answer. Raises RuntimeError if nothing gave one: then the sandbox itself is wrong."""
        if self.answer is None:
            raise RuntimeError(f"{self.request.method} {self.request.path} was not answered")
        return self.answer
