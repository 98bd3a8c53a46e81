"""The progress of one call between its sends, and how long to wait before the next send."""

from __future__ import annotations

import time
from collections.abc import Callable

import backoff

from stripe_flow.api.errors import NotSent, NoUsableAnswer, Refusal, Stopped, StripeError, StripeUnreachable
from stripe_flow.api.message import Request
from stripe_flow.api.retry import RetryBudget

# The longest wait between two sends of one request. Stripe's own clients wait five seconds at most, too.
LONGEST_WAIT_S = 5.0
FIRST_WAIT_S = 0.5


class SendAgain(Exception):
    """No usable answer, and the same bytes may be sent again; `wait_s` is what a `Retry-After` header asks for.

    `refusal` is what Stripe said, if the answer is Stripe's.
    """

    def __init__(self, reason: str, wait_s: float = 0, refusal: Refusal | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.refusal = refusal


class Progress:
    """How often one call has sent its request, whether a send may have been executed, and how long it may go on.

    `shared` is the retry budget of all calls. `own` is this call's budget of the same length: it ends a request that
    keeps failing while others succeed. `was_sent`: an earlier call may have sent the same bytes.
    """

    def __init__(
        self, *, shared: RetryBudget, own: RetryBudget, is_write: bool = False, was_sent: bool = False
    ) -> None:
        self.sends = 0
        self._is_write, self._was_sent = is_write, was_sent
        self._is_in_flight = False
        self._shared = shared
        self._own = own
        self._sent_at = time.monotonic()
        self._not_executed = 0
        own.record_success(self._sent_at)  # the shorter limit before the first success applies to `shared` only

    @property
    def may_be_executed(self) -> bool:
        """Whether Stripe may have executed one of the sends."""
        return self.sends > self._not_executed

    @property
    def may_repeat(self) -> bool:
        """Whether the next send may be a second one of the same bytes."""
        return self._was_sent or self.sends > 0

    def record_try(self) -> None:
        """A try begins; it may fail before its send."""
        self._is_in_flight = False

    def record_send(self) -> None:
        """Count a send; its failure counts from now."""
        self.sends += 1
        self._is_in_flight = True
        self._sent_at = time.monotonic()

    def record_success(self) -> None:
        """Renew the shared budget."""
        self._shared.record_success(time.monotonic(), is_write=self._is_write)

    def give_up_alone(self) -> bool:
        """Whether this call alone gets no usable answer: others succeed, and the run may go on without it.

        A write counts so only if its last try got as far as its send: Stripe then answered the check before it.
        """
        if not self._own.is_spent(time.monotonic()):
            return False
        if self._is_write:
            return self._is_in_flight and self._shared.leave_one_open()
        return self._shared.has_succeeded_since(self._own.failing_since())

    def record_failure(self) -> bool:
        """Count the last send as failed; True when a budget is spent and the call must end."""
        for retry_budget in (self._shared, self._own):
            retry_budget.record_failure(self._sent_at)
        now = time.monotonic()
        return self._shared.is_spent(now) or self._own.is_spent(now)

    def left_s(self) -> float:
        """Seconds until a budget is spent, at least 0."""
        now = time.monotonic()
        return max(0.0, min(self._shared.left_s(now), self._own.left_s(now)))

    def spent_s(self) -> float:
        """Seconds without success, by the budget that has spent more."""
        now = time.monotonic()
        return max(self._shared.spent_s(now), self._own.spent_s(now))

    def record_not_executed(self) -> None:
        """The last send was certainly not executed."""
        self._not_executed += 1

    def to_stopped(self, request: str) -> Stopped:
        """The error that ends this call because the run is stopping."""
        happened = "the request was sent and its outcome is unknown" if self.may_be_executed else "nothing was executed"
        return Stopped(f"{request}: the run is stopping; {happened}. Run again to go on", was_sent=self.may_be_executed)


def new_backoff() -> Callable[[SendAgain], float]:
    """A function that returns the seconds to wait before the next send: growing from call to call, with jitter.

    A `Retry-After` header, which a proxy may add, is obeyed up to `LONGEST_WAIT_S`.
    """
    growing = backoff.expo(factor=FIRST_WAIT_S, max_value=LONGEST_WAIT_S)
    next(growing)  # primes the generator
    return lambda again: max(backoff.full_jitter(next(growing)), min(again.wait_s, LONGEST_WAIT_S))


def retry_after_s(header: str | None) -> float:
    """The seconds in a `Retry-After` header; 0 if it is missing or a date."""
    return float(header) if header is not None and header.isdecimal() else 0


def to_final_error(request: Request, base_url: str, progress: Progress, last: SendAgain) -> StripeError:
    """The error of a call whose retry budget is spent."""
    name, spent_s = request.name, progress.spent_s()
    if progress.give_up_alone():
        return NoUsableAnswer(
            f"{name} got no usable answer for {spent_s:.0f} s: {last}. Other requests did, so the run goes on without "
            "it; the next run tries again",
            last.refusal,
        )
    if progress.sends and not (request.is_read or progress.may_be_executed):
        return NotSent(
            f"{name}: Stripe accepted no request for {spent_s:.0f} s, and nothing was "
            f"executed ({last}). Run again later, or lower the setting max_requests_per_second"
        )
    if last.refusal is not None:
        return StripeUnreachable(
            f"{name}: Stripe answered {last} for {spent_s:.0f} s. Run again later: nothing is lost", last.refusal
        )
    return StripeUnreachable(
        f"Stripe at {base_url} gave no usable answer for {spent_s:.0f} s: {last}. "
        "Check the network, the proxy and the setting base_url, then run again: nothing is lost"
    )
