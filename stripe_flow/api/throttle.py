"""Limits requests per second, for all threads: one bucket per account and endpoint, and one per account for all.

Stripe limits each account to a rate overall and every endpoint to 25 requests a second
(https://docs.stripe.com/rate-limits). A bucket reserves a moment for each request; the thread waits for it.
"""

from __future__ import annotations

import bisect
import threading

# Unused tokens are kept for so long: enough to make up for a late thread, too few for a burst that Stripe would notice.
BURST_S = 0.1
LOWEST_SHARE = 1 / 16
RECOVERY = 0.02
# Sums of floats may miss a gap that fits exactly by less than this.
ROUNDING_S = 1e-6


class Bucket:
    """A token bucket as a schedule of reserved moments, in monotonic seconds.

    `slow_down` halves the rate, at most once a second, down to a sixteenth. Each `speed_up` gives back 2 % of the full
    rate, so a few seconds of good answers restore it.
    """

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._share = 1.0
        self._reserved: list[float] = []  # oldest first: one per waiting thread, and those of the last moments
        self._slowed_at = float("-inf")

    def next_free(self, earliest: float) -> float:
        """The first moment from `earliest` on that keeps the rate; gaps between reserved moments are used."""
        gap_s = 1 / (self._rate * self._share)
        free = earliest
        for reserved in self._reserved[bisect.bisect_left(self._reserved, earliest - gap_s) :]:
            if reserved - free >= gap_s - ROUNDING_S:
                break
            free = max(free, reserved + gap_s)
        return free

    def reserve(self, moment: float, now: float) -> None:
        """Reserve `moment`, and forget the moments that no longer matter."""
        bisect.insort(self._reserved, moment)
        oldest_needed = now - BURST_S - 1 / (self._rate * LOWEST_SHARE)
        del self._reserved[: bisect.bisect_left(self._reserved, oldest_needed)]

    def slow_down(self, now: float) -> None:
        """Halve the rate, unless that was done less than a second ago."""
        if now - self._slowed_at >= 1:
            self._share = max(LOWEST_SHARE, self._share / 2)
            self._slowed_at = now

    def speed_up(self) -> None:
        """Give back 2 % of the full rate."""
        self._share = min(1.0, self._share + RECOVERY)


def endpoint_of(path: str) -> str:
    """`/v1/charges/ch_1/refunds` counts as `/v1/charges`: a shared bucket may be too slow, but never too fast."""
    return "/".join(path.split("/")[:3])


class Throttle:
    """The buckets of all accounts and endpoints of the process. A rate of 0 turns a bucket off."""

    def __init__(self, *, per_endpoint_per_s: float, total_per_s: float) -> None:
        self._per_endpoint_per_s = per_endpoint_per_s
        self._total_per_s = total_per_s
        self._buckets: dict[tuple[str | None, str], Bucket] = {}
        self._lock = threading.Lock()

    def reserve(self, account: str | None, path: str, now: float) -> float:
        """Reserve the next moment that is free for the endpoint and the account; the seconds to wait for it."""
        with self._lock:
            buckets = self._buckets_for(account, path)
            moment = now - BURST_S
            while (later := max((bucket.next_free(moment) for bucket in buckets), default=moment)) > moment:
                moment = later
            for bucket in buckets:
                bucket.reserve(moment, now)
        return max(0.0, moment - now)

    def slow_down(self, account: str | None, path: str, now: float) -> None:
        """Slow the endpoint and the account down after a 429."""
        with self._lock:
            for bucket in self._buckets_for(account, path):
                bucket.slow_down(now)

    def speed_up(self, account: str | None, path: str) -> None:
        """Speed the endpoint and the account up after a success."""
        with self._lock:
            for bucket in self._buckets_for(account, path):
                bucket.speed_up()

    def _buckets_for(self, account: str | None, path: str) -> list[Bucket]:
        rates = {endpoint_of(path): self._per_endpoint_per_s, "": self._total_per_s}
        return [self._buckets.setdefault((account, name), Bucket(rate)) for name, rate in rates.items() if rate]
