"""The rate that an account allows, shared by all threads: one bucket per endpoint and one for all of them.

Stripe limits each account to a rate overall and every endpoint to 25 requests a second
(https://docs.stripe.com/rate-limits). A bucket hands out moments; whoever took one waits for it.
"""

from __future__ import annotations

import bisect
import threading

# Tokens saved up while nobody asked, in seconds of the rate: enough to smooth over a late thread, too little to be
# a burst that Stripe would notice.
SAVED_S = 0.1
SLOWEST = 1 / 16
RECOVERY = 0.02
# Sums of floats may miss a gap that fits exactly by less than this.
ROUNDING_S = 1e-6


class Bucket:
    """A token bucket as a schedule: the moments already taken, with room between them for the rate. All times are
    monotonic seconds.

    After `slow_down` the rate is halved, at most once a second, down to a sixteenth; each `speed_up` gives back 2 %
    of the full rate, so a rate is regained within a few seconds of good answers.
    """

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._share = 1.0
        self._taken: list[float] = []  # oldest first; as many as threads wait, and those of the last moment
        self._slowed_at = float("-inf")

    def free_at(self, earliest: float) -> float:
        """The first moment from `earliest` on that keeps the rate; a gap between taken ones counts."""
        gap_s = 1 / (self._rate * self._share)
        free = earliest
        for taken in self._taken[bisect.bisect_left(self._taken, earliest - gap_s) :]:
            if taken - free >= gap_s - ROUNDING_S:
                break
            free = max(free, taken + gap_s)
        return free

    def take(self, moment: float, now: float) -> None:
        bisect.insort(self._taken, moment)
        still_close = now - SAVED_S - 1 / (self._rate * SLOWEST)
        del self._taken[: bisect.bisect_left(self._taken, still_close)]

    def slow_down(self, now: float) -> None:
        if now - self._slowed_at >= 1:
            self._share = max(SLOWEST, self._share / 2)
            self._slowed_at = now

    def speed_up(self) -> None:
        self._share = min(1.0, self._share + RECOVERY)


def endpoint_of(path: str) -> str:
    """`/v1/charges/ch_1/refunds` counts against `/v1/charges`: rather too slow than refused."""
    return "/".join(path.split("/")[:3])


class Throttle:
    """Buckets by account and endpoint, for every thread of the process. A rate of 0 means no pacing."""

    def __init__(self, *, per_endpoint_per_s: float, total_per_s: float) -> None:
        self._per_endpoint_per_s = per_endpoint_per_s
        self._total_per_s = total_per_s
        self._buckets: dict[tuple[str | None, str], Bucket] = {}
        self._lock = threading.Lock()

    def reserve(self, account: str | None, path: str, now: float) -> float:
        """Take one moment of the endpoint and of the account, the same of both; the seconds to wait for it."""
        with self._lock:
            buckets = self._of(account, path)
            moment = now - SAVED_S
            while (later := max((bucket.free_at(moment) for bucket in buckets), default=moment)) > moment:
                moment = later
            for bucket in buckets:
                bucket.take(moment, now)
        return max(0.0, moment - now)

    def slow_down(self, account: str | None, path: str, now: float) -> None:
        """Stripe said 429."""
        with self._lock:
            for bucket in self._of(account, path):
                bucket.slow_down(now)

    def speed_up(self, account: str | None, path: str) -> None:
        """Stripe answered within the rate."""
        with self._lock:
            for bucket in self._of(account, path):
                bucket.speed_up()

    def _of(self, account: str | None, path: str) -> list[Bucket]:
        names = [(endpoint_of(path), self._per_endpoint_per_s), ("", self._total_per_s)]
        return [self._bucket(account, name, rate) for name, rate in names if rate]

    def _bucket(self, account: str | None, name: str, rate_per_s: float) -> Bucket:
        return self._buckets.setdefault((account, name), Bucket(rate_per_s))
