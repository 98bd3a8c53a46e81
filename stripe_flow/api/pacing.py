"""The rate that an account allows, shared by all threads: one bucket per endpoint and one for all of them.

Stripe limits each account to a rate overall and every endpoint to 25 requests a second
(https://docs.stripe.com/rate-limits). A bucket hands out points in time; whoever took one waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

# Tokens saved up while nobody asked, in seconds of the rate: enough to smooth over a late thread, too little to be
# a burst that Stripe would notice.
SAVED_S = 0.1
SLOWEST = 1 / 16
RECOVERY = 0.02

T = TypeVar("T")


class Bucket:
    """A token bucket as a schedule: `reserve` takes the next free moment. All times are monotonic seconds.

    After `slow_down` the rate is halved, at most once a second, down to a sixteenth; each `speed_up` gives back 2 %
    of the full rate, so a rate is regained within a few seconds of good answers.
    """

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._share = 1.0
        self._free_at = float("-inf")
        self._slowed_at = float("-inf")

    def reserve(self, now: float) -> float:
        """Take a token; the seconds to wait until it is due."""
        due = max(self._free_at, now - SAVED_S)
        self._free_at = due + 1 / (self._rate * self._share)
        return max(0.0, due - now)

    def slow_down(self, now: float) -> None:
        if now - self._slowed_at >= 1:
            self._share = max(SLOWEST, self._share / 2)
            self._slowed_at = now

    def speed_up(self) -> None:
        self._share = min(1.0, self._share + RECOVERY)


def endpoint_of(path: str) -> str:
    """`/v1/charges/ch_1/refunds` counts against `/v1/charges`: rather too slow than refused."""
    return "/".join(path.split("/")[:3])


class Pacer:
    """Buckets by account and endpoint, for every thread of the process. A rate of 0 means no pacing."""

    def __init__(self, *, per_endpoint_per_s: float, total_per_s: float) -> None:
        self._per_endpoint_per_s = per_endpoint_per_s
        self._total_per_s = total_per_s
        self._buckets: dict[tuple[str | None, str], Bucket] = {}
        self._lock = threading.Lock()

    def reserve(self, account: str | None, path: str, now: float) -> float:
        """Take a token of the endpoint and of the account; the seconds to wait until both are due."""
        return max(self._each(account, path, lambda bucket: bucket.reserve(now)), default=0.0)

    def slow_down(self, account: str | None, path: str, now: float) -> None:
        """Stripe said 429."""
        self._each(account, path, lambda bucket: bucket.slow_down(now))

    def speed_up(self, account: str | None, path: str) -> None:
        """Stripe answered within the rate."""
        self._each(account, path, lambda bucket: bucket.speed_up())

    def _each(self, account: str | None, path: str, use: Callable[[Bucket], T]) -> list[T]:
        names = [(endpoint_of(path), self._per_endpoint_per_s), ("", self._total_per_s)]
        with self._lock:
            return [use(self._bucket(account, name, rate)) for name, rate in names if rate]

    def _bucket(self, account: str | None, name: str, rate_per_s: float) -> Bucket:
        return self._buckets.setdefault((account, name), Bucket(rate_per_s))
