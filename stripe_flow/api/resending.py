"""The progress of one call between its sends, and how long to wait before the next send."""

from __future__ import annotations

import time
from collections.abc import Callable

import backoff

from stripe_flow.api.errors import Refusal, Stopped
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
    keeps failing while others succeed.
    """

    def __init__(self, *, shared: RetryBudget, own: RetryBudget) -> None:
        self.sends = 0
        self._shared = shared
        self._own = own
        self._sent_at = time.monotonic()
        self._not_executed = 0
        own.record_success(self._sent_at)  # the shorter limit before the first success applies to `shared` only

    @property
    def may_be_executed(self) -> bool:
        """Whether Stripe may have executed one of the sends."""
        return self.sends > self._not_executed

    def record_send(self) -> None:
        """Count a send; its failure counts from now."""
        self.sends += 1
        self._sent_at = time.monotonic()

    def record_success(self) -> None:
        """Renew the shared budget."""
        self._shared.record_success(time.monotonic())

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
