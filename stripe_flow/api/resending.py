"""Between two sends of one request: how far it has come, and how long to wait."""

from __future__ import annotations

from collections.abc import Generator

import backoff

from stripe_flow.api.errors import Stopped

# The longest wait between two sends of one request: Stripe's own clients wait five seconds at most, too.
LONGEST_WAIT_S = 5.0
FIRST_WAIT_S = 0.5


class SendAgain(Exception):
    """No usable answer came, and the same bytes may go out again; `wait_s` is what a `Retry-After` asks for."""

    def __init__(self, reason: str, wait_s: float = 0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Progress:
    """How often a call has sent its request, and whether one of the sends may have been executed."""

    def __init__(self) -> None:
        self.sends = 0
        self._not_executed = 0

    @property
    def is_open(self) -> bool:
        return self.sends > self._not_executed

    def send(self) -> None:
        self.sends += 1

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


def seconds(header: str | None) -> float:
    """What `Retry-After` asks for; 0 where it is absent or a date."""
    return float(header) if header is not None and header.isdecimal() else 0
