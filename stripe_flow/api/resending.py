"""Between two sends of one request: how far it has come, and how long to wait."""

from __future__ import annotations

import time
from collections.abc import Generator

import backoff

from stripe_flow.api.errors import Refusal, Stopped
from stripe_flow.api.retry import RetryBudget

# The longest wait between two sends of one request: Stripe's own clients wait five seconds at most, too.
LONGEST_WAIT_S = 5.0
FIRST_WAIT_S = 0.5


class SendAgain(Exception):
    """No usable answer came, and the same bytes may go out again; `wait_s` is what a `Retry-After` asks for.

    `refusal` is what Stripe said, if it was Stripe that answered.
    """

    def __init__(self, reason: str, wait_s: float = 0, refusal: Refusal | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.refusal = refusal


class Progress:
    """One call: how often it has sent its request, whether one of the sends may have been executed, and how long
    it may go on. `shared` is the patience of all calls. `own` is this one's: a request that fails while others
    succeed must end, too, and gets the same time for itself.
    """

    def __init__(self, *, shared: RetryBudget, own: RetryBudget) -> None:
        self.sends = 0
        self._shared = shared
        self._own = own
        self._sent_at = time.monotonic()
        self._not_executed = 0
        own.succeeded(self._sent_at)  # the shorter first time is the shared one's

    @property
    def is_open(self) -> bool:
        return self.sends > self._not_executed

    def send(self) -> None:
        self.sends += 1
        self._sent_at = time.monotonic()

    def succeeded(self) -> None:
        self._shared.succeeded(time.monotonic())

    def is_hopeless(self) -> bool:
        """Note that the last send failed; whether to give up."""
        for retry_budget in (self._shared, self._own):
            retry_budget.failed(self._sent_at)
        now = time.monotonic()
        return self._shared.is_over(now) or self._own.is_over(now)

    def left_s(self) -> float:
        now = time.monotonic()
        return max(0.0, min(self._shared.left_s(now), self._own.left_s(now)))

    def spent_s(self) -> float:
        now = time.monotonic()
        return max(self._shared.spent_s(now), self._own.spent_s(now))

    def was_not_executed(self) -> None:
        """Stripe said so of the last send."""
        self._not_executed += 1

    def stopped(self, request: str) -> Stopped:
        happened = "it was sent, and what came of it is not known" if self.is_open else "nothing of it was carried out"
        return Stopped(f"{request}: the run is stopping; {happened}. Run again to go on", was_sent=self.is_open)


def growing_waits() -> Generator[float, SendAgain, None]:
    """Seconds to wait, already primed: growing, with jitter.

    A `Retry-After` that a proxy added is obeyed up to the longest wait.
    """
    waits = _waits()
    next(waits)
    return waits


def _waits() -> Generator[float, SendAgain, None]:
    growing = backoff.expo(factor=FIRST_WAIT_S, max_value=LONGEST_WAIT_S)
    next(growing)  # primes the generator
    again = yield 0
    while True:
        again = yield max(backoff.full_jitter(next(growing)), min(again.wait_s, LONGEST_WAIT_S))


def retry_after_s(header: str | None) -> float:
    """What `Retry-After` asks for; 0 where it is absent or a date."""
    return float(header) if header is not None and header.isdecimal() else 0
