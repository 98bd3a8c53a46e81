"""The only sender. Everything that goes to Stripe, from either plugin, goes through `Client.get` and `Client.post`.

One loop: wait for the pace, exchange bytes, ask the rule in `retry`, and either hand out the answer, raise what it
means, or send the same bytes again. Every wait ends at once when the run is stopping.

A write leaves only on a connection that has answered something, and a resend only on one that has answered since the
last wait: a process that slept in between finds it closed, and asks for Stripe's time before it sends anything.
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
from stripe_flow.api.refusals import is_stripes_word, read_refusal, refused
from stripe_flow.api.resending import Progress, SendAgain, growing_waits, retry_after_s
from stripe_flow.api.retry import TOO_MANY, RetryBudget, may_resend
from stripe_flow.api.throttle import Throttle
from stripe_flow.api.traffic import Traffic
from stripe_flow.api.transport import ConnectionGone, NetworkTrouble, RawAnswer, Transport

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Asks for the owner's leave right before each send of a write, with Stripe's time in Unix seconds and whether an
# earlier send of this call may have been executed. What it raises keeps the write at home.
Clear = Callable[[int, bool], None]
# The read that shows that a connection is alive, and Stripe's time: any answer will do, a refusal as well.
CHECK_PATH = "/v1/account"
# Stripe's support and its request log tell clients apart by it.
USER_AGENT = f"stripe-flow/{version('stripe-flow')}"


@dataclass(frozen=True, kw_only=True)
class Client:
    """Speaks for one connection; safe to share between threads.

    Once `stopping` is set, no request goes out any more: every call raises Stopped, those that wait within a moment.
    A request that is under way is finished.
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
        """The same sender on behalf of `account` (default: the same), with a patience of its own.

        One stream and account can then be given up without a word about the others.
        """
        connection = self.connection if account is None else replace(self.connection, account=account)
        return replace(self, connection=connection, retry_budget=self.new_retry_budget())

    def as_sent(self, account: str | None, api_version: str) -> Client:
        """The same sender with the headers of an earlier request, to send that once more."""
        return replace(self, connection=replace(self.connection, account=account, api_version=api_version))

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
        return self._send(Request(method="GET", path=path, query=forms.encode(parameters or {})), read, None)

    def post(self, request: Request, clear: Clear) -> Answer[dict[str, object]]:
        """Write. Raises StripeError, Stopped, or what `clear` raises, which is called before each send.

        The same bytes go out again only where `retry.may_resend` allows.
        """
        return self._send(request, read_object, clear)

    def _send(self, request: Request, read: Callable[[bytes], T], clear: Clear | None) -> Answer[T]:
        progress = Progress(shared=self.retry_budget, own=self.new_retry_budget())
        waits = growing_waits()

        def wait(details: ContextDetails) -> None:
            again = cast("SendAgain", details.get("exception"))
            wait_s = min(waits.send(again), progress.left_s())
            logger.debug("waiting %.1f s before sending again: %s", wait_s, again)
            with self.traffic.waiting(str(again)):
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
                    return self._send_once(request, read, progress, clear)
        except SendAgain as last:
            raise self._given_up(request, progress, last) from None
        raise AssertionError("backoff ended a loop without an answer or an error")

    def _wait(self, seconds: float, request: Request, progress: Progress) -> None:
        if self.stopping.wait(seconds):
            raise progress.stopped(f"{request.method} {request.path}")

    def _send_once(
        self, request: Request, read: Callable[[bytes], T], progress: Progress, clear: Clear | None
    ) -> Answer[T]:
        self._throttle(request, progress)
        if clear is not None:
            clear(self._time_to_write(request, progress), progress.is_open)
        progress.send()
        sent_at = time.monotonic()
        try:
            raw = self._exchange(request)
        except ConnectionGone as gone:
            progress.was_not_executed()
            raise SendAgain(str(gone)) from None
        except NetworkTrouble as trouble:
            raise SendAgain(str(trouble)) from None
        try:
            answer = (
                read_answer(raw, read, progress.sends, time.monotonic() - sent_at) if raw.http_status < 300 else None
            )
        except ValueError:
            raise SendAgain("the answer is not Stripe's JSON, or was cut") from None
        if answer is None:
            self._judge(request, raw, progress)
        progress.succeeded()
        if answer is None:
            raise refused(raw, request.method, request.path, self.connection, is_open=progress.is_open)
        self.throttle.speed_up(self.connection.account, request.path)
        return answer

    def _throttle(self, request: Request, progress: Progress) -> None:
        pace_s = self.throttle.reserve(self.connection.account, request.path, time.monotonic())
        self._wait(pace_s, request, progress)

    def _time_to_write(self, request: Request, progress: Progress) -> int:
        """Stripe's time, once this thread's connection is one that a write may go out on."""
        if progress.sends or not self.transport.is_open:
            check = Request(method="GET", path=CHECK_PATH)
            self._throttle(check, progress)
            try:
                date_unix = parse_date(self._exchange(check).headers.get("Date"))
            except NetworkTrouble as trouble:
                raise SendAgain(str(trouble)) from None
            if date_unix is None:
                raise SendAgain("an answer without a Date")
            return date_unix
        now_unix = self.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise SendAgain(f"no time of Stripe's to write {request.path} at")
        return int(now_unix)

    def _exchange(self, request: Request) -> RawAnswer:
        url = f"{self.connection.base_url.rstrip('/')}{request.path}"
        self.traffic.sent()
        raw = self.transport.exchange(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            self._headers(request),
            request.body,
            # never a write: one that is cut leaves a doubt
            within_s=self.retry_budget.first_read_s(time.monotonic()) if request.is_read else None,
            # Where a proxy closes each connection, there is no other way.
            may_connect=request.is_read or not self.transport.is_open,
        )
        date_unix = parse_date(raw.headers.get("Date"))
        if date_unix is not None:
            self.clock.observe(date_unix, time.monotonic())
        return raw

    def _judge(self, request: Request, raw: RawAnswer, progress: Progress) -> None:
        """Raise SendAgain where the rule allows it; keep the pace in step with what Stripe says of it."""
        if raw.http_status == TOO_MANY:
            progress.was_not_executed()
            self.throttle.slow_down(self.connection.account, request.path, time.monotonic())
        says = {"true": True, "false": False}.get(raw.headers.get("Stripe-Should-Retry", ""))
        if may_resend(raw.http_status, stripe_says=says, is_read=request.is_read):
            raise SendAgain(f"HTTP {raw.http_status}", retry_after_s(raw.headers.get("Retry-After")), read_refusal(raw))
        if raw.http_status < 500 and not is_stripes_word(raw):
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

    def _given_up(self, request: Request, progress: Progress, last: SendAgain) -> StripeError:
        spent_s = progress.spent_s()
        if progress.sends and not (request.is_read or progress.is_open):
            return NotSent(
                f"{request.method} {request.path}: Stripe took no request for {spent_s:.0f} s; nothing was executed "
                f"({last}). Run again later; a lower max_requests_per_second leaves room for others"
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
