"""The only sender. Everything that goes to Stripe, from either plugin, goes through `Client.get` and `Client.post`.

One loop: wait for the pace, exchange bytes, ask the rule in `retry`, and either hand out the answer, raise what it
means, or send the same bytes again. Every wait ends at once when the run is stopping.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

import backoff
import msgspec
from backoff.types import ContextDetails

from stripe_flow.api import forms
from stripe_flow.api.clock import StripeClock, parse_date
from stripe_flow.api.connection import Connection
from stripe_flow.api.errors import NotSent, StripeError, StripeUnreachable
from stripe_flow.api.pacing import Pacer
from stripe_flow.api.refusals import is_stripes_word, refused
from stripe_flow.api.resending import Progress, SendAgain, growing_waits, retry_after_s
from stripe_flow.api.retry import TOO_MANY, Patience, may_resend
from stripe_flow.api.transport import NetworkTrouble, RawAnswer, Transport

logger = logging.getLogger(__name__)

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
    """

    value: T
    request_id: str
    date_unix: int | None
    is_replay: bool
    sends: int
    took_s: float


def read_object(body: bytes) -> dict[str, object]:
    """The body as an object; raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(body, type=dict[str, object])


@dataclass(frozen=True, kw_only=True)
class Client:
    """Speaks for one connection; safe to share between threads.

    Once `stopping` is set, no request goes out any more: every call raises Stopped, those that wait within a moment.
    A request that is under way is finished.
    """

    connection: Connection
    transport: Transport
    pacer: Pacer
    clock: StripeClock
    patience: Patience
    new_patience: Callable[[], Patience]
    stopping: threading.Event

    def scoped(self, account: str | None = None) -> Client:
        """The same sender on behalf of `account` (default: the same), with a patience of its own.

        One stream and account can then be given up without a word about the others.
        """
        connection = self.connection if account is None else replace(self.connection, account=account)
        return replace(self, connection=connection, patience=self.new_patience())

    def get(
        self,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        read: Callable[[bytes], T] = read_object,  # type: ignore[assignment]  # the default of T
    ) -> Answer[T]:
        """Read `path`. Raises StripeError, or Stopped. `read` turns the body into the value; where it raises ValueError
        the body was not whole, and the request is sent again.
        """
        return self._send(Request(method="GET", path=path, query=forms.encode(parameters or {})), read)

    def post(self, request: Request) -> Answer[dict[str, object]]:
        """Write. Raises StripeError, or Stopped. The same bytes go out again only where `retry.may_resend` allows."""
        return self._send(request, read_object)

    def _send(self, request: Request, read: Callable[[bytes], T]) -> Answer[T]:
        progress = Progress(shared=self.patience, own=self.new_patience())
        waits = growing_waits()

        def wait(details: ContextDetails) -> None:
            again = cast("SendAgain", details.get("exception"))
            wait_s = min(waits.send(again), progress.left_s())
            logger.debug("waiting %.1f s before sending again: %s", wait_s, again)
            self._wait(wait_s, request, progress)

        try:
            for attempt in backoff.retry_context(
                # backoff's own sleep would not wake up for `stopping`, so it is nought and the waiting is done here
                SendAgain,
                backoff.constant,
                interval=0,
                jitter=None,
                giveup=lambda _error: progress.is_hopeless(),
                on_backoff=wait,
                logger=None,
            ):
                with attempt:
                    return self._send_once(request, read, progress)
        except SendAgain as last:
            raise self._given_up(request, progress, last) from None
        raise AssertionError("backoff ended a loop without an answer or an error")

    def _wait(self, seconds: float, request: Request, progress: Progress) -> None:
        if self.stopping.wait(seconds):
            raise progress.stopped(f"{request.method} {request.path}")

    def _send_once(self, request: Request, read: Callable[[bytes], T], progress: Progress) -> Answer[T]:
        pace_s = self.pacer.reserve(self.connection.account, request.path, time.monotonic())
        self._wait(pace_s, request, progress)
        progress.send()
        sent_at = time.monotonic()
        try:
            raw = self._exchange(request)
        except NetworkTrouble as trouble:
            raise SendAgain(str(trouble)) from None
        try:
            answer = _answer(raw, read, progress.sends, time.monotonic() - sent_at) if raw.status < 300 else None
        except ValueError:
            raise SendAgain("the body of the answer was cut or garbled") from None
        if answer is None:
            self._judge(request, raw, progress)
        progress.succeeded()
        if answer is None:
            raise refused(raw, request.method, request.path, self.connection, is_open=progress.is_open)
        self.pacer.speed_up(self.connection.account, request.path)
        return answer

    def _exchange(self, request: Request) -> RawAnswer:
        url = f"{self.connection.base_url.rstrip('/')}{request.path}"
        raw = self.transport.exchange(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            self._headers(request),
            request.body,
            # never a write: one that is cut leaves a doubt
            within_s=self.patience.first_read_s(time.monotonic()) if request.is_read else None,
        )
        date_unix = parse_date(raw.headers.get("Date"))
        if date_unix is not None:
            self.clock.observe(date_unix, time.monotonic())
        return raw

    def _judge(self, request: Request, raw: RawAnswer, progress: Progress) -> None:
        """Raise SendAgain where the rule allows it; keep the pace in step with what Stripe says of it."""
        if raw.status == TOO_MANY:
            progress.was_not_executed()
            self.pacer.slow_down(self.connection.account, request.path, time.monotonic())
        says = {"true": True, "false": False}.get(raw.headers.get("Stripe-Should-Retry", ""))
        if may_resend(raw.status, stripe_says=says, is_read=request.is_read):
            raise SendAgain(f"HTTP {raw.status}", retry_after_s(raw.headers.get("Retry-After")))
        if raw.status < 500 and not is_stripes_word(raw):
            raise SendAgain(f"HTTP {raw.status} without Stripe's error object")

    def _headers(self, request: Request) -> dict[str, str]:
        credentials = base64.b64encode(f"{self.connection.key.secret}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Stripe-Version": self.connection.api_version}
        if self.connection.account is not None:
            headers["Stripe-Account"] = self.connection.account
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        if request.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers | {"User-Agent": "stripe-flow", "Accept": "application/json"}

    def _given_up(self, request: Request, progress: Progress, last: SendAgain) -> StripeError:
        spent_s = progress.spent_s()
        if not (request.is_read or progress.is_open):
            return NotSent(
                f"{request.method} {request.path}: Stripe took no request for {spent_s:.0f} s; nothing was executed "
                f"({last}). Run again later; a lower max_requests_per_second leaves room for others"
            )
        return StripeUnreachable(
            f"Stripe at {self.connection.base_url} gave no usable answer for {spent_s:.0f} s: {last}. "
            "Check the network, the proxy and the setting base_url, then run again: nothing is lost"
        )


def _answer(raw: RawAnswer, read: Callable[[bytes], T], sends: int, took_s: float) -> Answer[T]:
    return Answer(
        value=read(raw.body),
        request_id=raw.headers.get("Request-Id", ""),
        date_unix=parse_date(raw.headers.get("Date")),
        is_replay=raw.headers.get("Idempotent-Replayed") == "true",
        sends=sends,
        took_s=took_s,
    )
