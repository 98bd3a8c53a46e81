"""The HTTP client of both plugins: every request to Stripe goes through `Client.get` or `Client.post`.

A call waits for the throttle, exchanges bytes and applies the rule in `retry`: it returns the answer, raises the error
that the answer means, or sends the same bytes again. Every wait ends at once when the run is stopping.

A write is only sent on a connection that has already answered a request, and a resend only on one that has answered
since the last wait; its first byte leaves at most `FRESH_S` after that answer. Otherwise the client reads Stripe's time
again before it sends anything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, cast

import backoff
from backoff.types import ContextDetails

from stripe_flow.api import forms
from stripe_flow.api.clock import StripeClock, elapsed_s, parse_date
from stripe_flow.api.connection import Connection
from stripe_flow.api.message import Answer, Request, headers_of, read_answer, read_object
from stripe_flow.api.network_errors import NetworkTrouble, NothingSent
from stripe_flow.api.refusals import is_reliable, read_refusal, to_error
from stripe_flow.api.resending import Progress, SendAgain, new_backoff, retry_after_s, to_final_error
from stripe_flow.api.retry import TOO_MANY_REQUESTS, RetryBudget, may_resend
from stripe_flow.api.throttle import Throttle, scopes_to_slow
from stripe_flow.api.traffic import Traffic
from stripe_flow.api.transport import RawAnswer, Transport
from stripe_flow.api.turn import RunStopping, turn

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Called before each send of a write, and again if the send would be too late after it. It gets Stripe's time in Unix
# seconds, and whether an earlier send of this call may have been executed. The write is not sent if it raises.
BeforeSend = Callable[[int, bool], None]
# Reading it shows that the connection is alive, and Stripe's time. Any answer will do, even a refusal.
CHECK_PATH = "/v1/account"
# How long Stripe's last answer on a connection shows its time and that it is alive: far less than the hour between the
# age at which an idempotency key counts as dead and the age at which Stripe may forget it.
FRESH_S = 30
# The journal is slower than `FRESH_S` at most so often before the call waits and counts it as a failure.
MOST_CHECKS = 3


@dataclass(frozen=True, kw_only=True)
class Client:
    """Sends requests for one `Connection`; threads may share it, its copies share transport and throttle.

    Once `stopping` is set, no request is sent: every call raises Stopped, waiting ones too.
    A request that is already in flight is finished.
    """

    connection: Connection
    transport: Transport
    throttle: Throttle
    clock: StripeClock
    retry_budget: RetryBudget
    new_retry_budget: Callable[[], RetryBudget]
    stopping: threading.Event
    traffic: Traffic = field(default_factory=Traffic)

    def scoped(self, account: str | None = None) -> Client:
        """A copy for `account` (default: the same account) with a retry budget and a count of requests of its own.

        One stream and account can then be given up while the others go on.
        """
        connection = self.connection if account is None else replace(self.connection, account=account)
        return replace(self, connection=connection, retry_budget=self.new_retry_budget(), traffic=Traffic(self.traffic))

    def hurried(self, limit_s: float) -> Client:
        """A copy whose calls give up after `limit_s` seconds at the latest, on a retry budget of their own."""
        new_retry_budget = partial(RetryBudget, limit_s=min(limit_s, self.retry_budget.limit_s))
        return replace(self, retry_budget=new_retry_budget(), new_retry_budget=new_retry_budget)

    def as_sent(self, account: str | None, api_version: str) -> Client:
        """A copy that sends the account and API version of an earlier request, to send that request again."""
        return replace(self, connection=replace(self.connection, account=account, api_version=api_version))

    def get(
        self,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        read: Callable[[bytes], T] = read_object,  # type: ignore[assignment]  # the default of T
    ) -> Answer[T]:
        """Read `path`; `read` turns the body into the answer's value. Raises StripeError or Stopped.

        If `read` raises ValueError, the body is incomplete and the request is sent again.
        """
        return self._send(Request(method="GET", path=path, query=forms.encode(parameters or {})), read, None)

    def post(self, request: Request, before_send: BeforeSend, *, was_sent: bool = False) -> Answer[dict[str, object]]:
        """Write. Raises StripeError, Stopped, or what `before_send` raises.

        The same bytes are sent again only if `retry.may_resend` allows it. `was_sent`: an earlier call may have sent
        them.
        """
        return self._send(request, read_object, before_send, was_sent=was_sent)

    def _send(
        self,
        request: Request,
        read: Callable[[bytes], T],
        before_send: BeforeSend | None,
        *,
        was_sent: bool = False,
    ) -> Answer[T]:
        progress = Progress(
            shared=self.retry_budget, own=self.new_retry_budget(), is_write=not request.is_read, was_sent=was_sent
        )
        backoff_s = new_backoff()

        def wait(details: ContextDetails) -> None:
            again = cast("SendAgain", details.get("exception"))
            wait_s = min(backoff_s(again), progress.left_s())
            logger.debug("waiting %.1f s before sending again: %s", wait_s, again)
            with self.traffic.waiting(str(again)):
                if self.stopping.wait(wait_s):
                    raise progress.to_stopped(request.name)

        try:
            for attempt in backoff.retry_context(
                # backoff's own sleep would not wake up for `stopping`, so its interval is 0 and `wait` does the waiting
                SendAgain,
                backoff.constant,
                interval=0,
                jitter=None,
                giveup=lambda _error: progress.record_failure(),
                on_backoff=wait,
                logger=None,
            ):
                with attempt:
                    return self._send_once(request, read, progress, before_send)
        except SendAgain as last:
            raise to_final_error(request, self.connection.base_url, progress, last) from None
        raise AssertionError("backoff ended a loop without an answer or an error")

    def _send_once(
        self, request: Request, read: Callable[[bytes], T], progress: Progress, before_send: BeforeSend | None
    ) -> Answer[T]:
        progress.record_try()
        with self._turn(request, progress):
            first_byte_by_s = None if before_send is None else self._clear(progress, before_send)
            progress.record_send()
            sent_at = time.monotonic()
            try:
                raw = self._exchange(request, first_byte_by_s)
            except NothingSent as closed:
                progress.record_not_executed()
                raise SendAgain(str(closed)) from None
            except NetworkTrouble as trouble:
                raise SendAgain(str(trouble)) from None
            took_s = time.monotonic() - sent_at
        try:
            answer = read_answer(raw, read, progress.sends, took_s) if raw.http_status < 300 else None
        except ValueError:
            raise SendAgain("the answer is not Stripe's JSON, or was cut off") from None
        if answer is None:
            self._check_resend(request, raw, progress)
        progress.record_success()
        if answer is None:
            raise to_error(raw, request.method, request.path, self.connection, may_be_executed=progress.may_be_executed)
        self.throttle.speed_up(self.connection.account, request.operation)
        return answer

    @contextmanager
    def _turn(self, request: Request, progress: Progress) -> Iterator[None]:
        account, operation = self.connection.account, request.operation
        try:
            with turn(account, operation, throttle=self.throttle, transport=self.transport, stopping=self.stopping):
                yield
        except RunStopping:
            raise progress.to_stopped(request.name) from None

    def _clear(self, progress: Progress, before_send: BeforeSend) -> float:
        """Let `before_send` clear a write. Returns when its first byte must leave at the latest, of `elapsed_s`.

        `before_send` may wait for a disk for any time. Behind a peer that closes each connection nothing else would
        show that, so before a resend there Stripe's time is read once more after it.
        """
        for _ in range(MOST_CHECKS):
            now_unix = self._read_time_to_write(progress)
            before_send(now_unix, progress.may_be_executed)
            if progress.may_repeat and not self.transport.is_open and abs(self._check(progress) - now_unix) > FRESH_S:
                continue
            if elapsed_s() <= self.transport.answered_at_s + FRESH_S:
                return self.transport.answered_at_s + FRESH_S
        raise SendAgain(f"the journal took longer than {FRESH_S} s to write a row")

    def _check(self, progress: Progress) -> int:
        """Stripe's time in Unix seconds, from a request of its own."""
        check = Request(method="GET", path=CHECK_PATH)
        with self._turn(check, progress):
            try:
                date_unix = parse_date(self._exchange(check).headers.get("Date"))
            except NetworkTrouble as trouble:
                raise SendAgain(str(trouble)) from None
        if date_unix is None:
            raise SendAgain("the answer has no Date header")
        return date_unix

    def _read_time_to_write(self, progress: Progress) -> int:
        """Stripe's time in Unix seconds, on a connection of this thread that a write may be sent on."""
        is_fresh = self.transport.is_open and elapsed_s() <= self.transport.answered_at_s + FRESH_S
        if progress.sends or not is_fresh:
            return self._check(progress)
        now_unix = self.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise SendAgain("no answer had a Date header yet")
        return int(now_unix)

    def _exchange(self, request: Request, first_byte_by_s: float | None = None) -> RawAnswer:
        url = f"{self.connection.base_url.rstrip('/')}{request.path}"
        self.traffic.count_request()
        raw = self.transport.exchange(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            headers_of(request, self.connection),
            request.body,
            # A write is never cut short: its outcome would be unknown.
            within_s=self.retry_budget.read_limit_s(time.monotonic()) if request.is_read else None,
            # Behind a proxy that closes each connection, a write has to open a new one.
            may_connect=request.is_read or not self.transport.is_open,
            first_byte_by_s=first_byte_by_s,
        )
        date_unix = parse_date(raw.headers.get("Date"))
        if date_unix is not None:
            self.clock.observe(date_unix, time.monotonic())
        return raw

    def _check_resend(self, request: Request, raw: RawAnswer, progress: Progress) -> None:
        """Raise SendAgain if this refusal allows a resend; slow the throttle down after a 429."""
        if raw.http_status == TOO_MANY_REQUESTS:
            progress.record_not_executed()
            scopes = scopes_to_slow(raw.headers.get("Stripe-Rate-Limited-Reason"), read_refusal(raw).code)
            self.throttle.slow_down(self.connection.account, request.operation, time.monotonic(), scopes)
        should_retry = {"true": True, "false": False}.get(raw.headers.get("Stripe-Should-Retry", ""))
        if may_resend(raw.http_status, should_retry=should_retry, is_read=request.is_read):
            raise SendAgain(f"HTTP {raw.http_status}", retry_after_s(raw.headers.get("Retry-After")), read_refusal(raw))
        if raw.http_status < 500 and not is_reliable(raw):
            raise SendAgain(f"HTTP {raw.http_status} without Stripe's error object")
