"""The HTTP client of both plugins: every request to Stripe goes through `Client.get` or `Client.post`.

A call waits for the throttle, exchanges bytes and applies the rule in `retry`: it returns the answer, raises the error
that the answer means, or sends the same bytes again. Every wait ends at once when the run is stopping.

A write is only sent on a connection that has already answered a request, and a resend only on one that has answered
since the last wait. If the process slept in between, the connection is closed, and the client reads Stripe's time again
before it sends anything.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TypeVar, cast

import backoff
from backoff.types import ContextDetails

from stripe_flow.api import forms
from stripe_flow.api.clock import StripeClock, parse_date
from stripe_flow.api.connection import Connection
from stripe_flow.api.errors import NotSent, StripeError, StripeUnreachable
from stripe_flow.api.message import Answer, Request, read_answer, read_object
from stripe_flow.api.network_errors import ConnectionClosed, NetworkTrouble
from stripe_flow.api.refusals import is_reliable, read_refusal, to_error
from stripe_flow.api.resending import Progress, SendAgain, new_backoff, retry_after_s
from stripe_flow.api.retry import TOO_MANY_REQUESTS, RetryBudget, may_resend
from stripe_flow.api.throttle import Throttle
from stripe_flow.api.traffic import Traffic
from stripe_flow.api.transport import RawAnswer, Transport

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Called right before each send of a write, with Stripe's time in Unix seconds and whether an earlier send of this call
# may have been executed. The write is not sent if it raises.
BeforeSend = Callable[[int, bool], None]
# Reading it shows that the connection is alive, and Stripe's time. Any answer will do, even a refusal.
CHECK_PATH = "/v1/account"
# Stripe's support and request log identify the client by it.
USER_AGENT = f"stripe-flow/{version('stripe-flow')}"


@dataclass(frozen=True, kw_only=True)
class Client:
    """Sends requests for one `Connection`; threads may share it.

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
        """A copy for `account` (default: the same account) with a retry budget of its own.

        One stream and account can then be given up while the others go on.
        """
        connection = self.connection if account is None else replace(self.connection, account=account)
        return replace(self, connection=connection, retry_budget=self.new_retry_budget())

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

    def post(self, request: Request, before_send: BeforeSend) -> Answer[dict[str, object]]:
        """Write. Raises StripeError, Stopped, or what `before_send` raises.

        The same bytes are sent again only if `retry.may_resend` allows it.
        """
        return self._send(request, read_object, before_send)

    def _send(self, request: Request, read: Callable[[bytes], T], before_send: BeforeSend | None) -> Answer[T]:
        progress = Progress(shared=self.retry_budget, own=self.new_retry_budget())
        backoff_s = new_backoff()

        def wait(details: ContextDetails) -> None:
            again = cast("SendAgain", details.get("exception"))
            wait_s = min(backoff_s(again), progress.left_s())
            logger.debug("waiting %.1f s before sending again: %s", wait_s, again)
            with self.traffic.waiting(str(again)):
                self._wait(wait_s, request, progress)

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
            raise self._to_final_error(request, progress, last) from None
        raise AssertionError("backoff ended a loop without an answer or an error")

    def _wait(self, seconds: float, request: Request, progress: Progress) -> None:
        if self.stopping.wait(seconds):
            raise progress.to_stopped(f"{request.method} {request.path}")

    def _send_once(
        self, request: Request, read: Callable[[bytes], T], progress: Progress, before_send: BeforeSend | None
    ) -> Answer[T]:
        self._wait_for_throttle(request, progress)
        if before_send is not None:
            before_send(self._read_time_to_write(progress), progress.may_be_executed)
        progress.record_send()
        sent_at = time.monotonic()
        try:
            raw = self._exchange(request)
        except ConnectionClosed as closed:
            progress.record_not_executed()
            raise SendAgain(str(closed)) from None
        except NetworkTrouble as trouble:
            raise SendAgain(str(trouble)) from None
        try:
            answer = (
                read_answer(raw, read, progress.sends, time.monotonic() - sent_at) if raw.http_status < 300 else None
            )
        except ValueError:
            raise SendAgain("the answer is not Stripe's JSON, or was cut off") from None
        if answer is None:
            self._check_resend(request, raw, progress)
        progress.record_success()
        if answer is None:
            raise to_error(raw, request.method, request.path, self.connection, may_be_executed=progress.may_be_executed)
        self.throttle.speed_up(self.connection.account, request.path)
        return answer

    def _wait_for_throttle(self, request: Request, progress: Progress) -> None:
        wait_s = self.throttle.reserve(self.connection.account, request.path, time.monotonic())
        self._wait(wait_s, request, progress)

    def _read_time_to_write(self, progress: Progress) -> int:
        """Stripe's time in Unix seconds, on a connection of this thread that a write may be sent on."""
        if progress.sends or not self.transport.is_open:
            check = Request(method="GET", path=CHECK_PATH)
            self._wait_for_throttle(check, progress)
            try:
                date_unix = parse_date(self._exchange(check).headers.get("Date"))
            except NetworkTrouble as trouble:
                raise SendAgain(str(trouble)) from None
            if date_unix is None:
                raise SendAgain("the answer has no Date header")
            return date_unix
        now_unix = self.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise SendAgain("no answer had a Date header yet")
        return int(now_unix)

    def _exchange(self, request: Request) -> RawAnswer:
        url = f"{self.connection.base_url.rstrip('/')}{request.path}"
        self.traffic.count_request()
        raw = self.transport.exchange(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            self._headers(request),
            request.body,
            # A write is never cut short: its outcome would be unknown.
            within_s=self.retry_budget.read_limit_s(time.monotonic()) if request.is_read else None,
            # Behind a proxy that closes each connection, a write has to open a new one.
            may_connect=request.is_read or not self.transport.is_open,
        )
        date_unix = parse_date(raw.headers.get("Date"))
        if date_unix is not None:
            self.clock.observe(date_unix, time.monotonic())
        return raw

    def _check_resend(self, request: Request, raw: RawAnswer, progress: Progress) -> None:
        """Raise SendAgain if this refusal allows a resend; slow the throttle down after a 429."""
        if raw.http_status == TOO_MANY_REQUESTS:
            progress.record_not_executed()
            self.throttle.slow_down(self.connection.account, request.path, time.monotonic())
        should_retry = {"true": True, "false": False}.get(raw.headers.get("Stripe-Should-Retry", ""))
        if may_resend(raw.http_status, should_retry=should_retry, is_read=request.is_read):
            raise SendAgain(f"HTTP {raw.http_status}", retry_after_s(raw.headers.get("Retry-After")), read_refusal(raw))
        if raw.http_status < 500 and not is_reliable(raw):
            raise SendAgain(f"HTTP {raw.http_status} without Stripe's error object")

    def _headers(self, request: Request) -> dict[str, str]:
        credentials = base64.b64encode(f"{self.connection.key.secret}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Stripe-Version": self.connection.api_version}
        if self.connection.account is not None:
            headers["Stripe-Account"] = self.connection.account
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        if request.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers | {"User-Agent": USER_AGENT, "Accept": "application/json"}

    def _to_final_error(self, request: Request, progress: Progress, last: SendAgain) -> StripeError:
        spent_s = progress.spent_s()
        if progress.sends and not (request.is_read or progress.may_be_executed):
            return NotSent(
                f"{request.method} {request.path}: Stripe accepted no request for {spent_s:.0f} s, and nothing was "
                f"executed ({last}). Run again later, or lower the setting max_requests_per_second"
            )
        if last.refusal is not None:
            return StripeUnreachable(
                f"{request.method} {request.path}: Stripe answered {last} for {spent_s:.0f} s. Run again later: "
                "nothing is lost",
                last.refusal,
            )
        return StripeUnreachable(
            f"Stripe at {self.connection.base_url} gave no usable answer for {spent_s:.0f} s: {last}. "
            "Check the network, the proxy and the setting base_url, then run again: nothing is lost"
        )
