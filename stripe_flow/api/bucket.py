"""A token bucket as a schedule of reserved moments; pure, with explicit clocks."""

from __future__ import annotations

import bisect

# Unused tokens are kept for so long: enough to make up for a late thread, too few for a burst that Stripe would notice.
BURST_S = 0.1
LOWEST_SHARE = 1 / 16
# What a second of good answers at the full rate gives back of it: some seconds restore any rate.
RECOVERY_PER_S = 0.4
# Sums of floats may miss a gap that fits exactly by less than this.
ROUNDING_S = 1e-6


class Bucket:
    """A token bucket of `rate_per_s`; its moments are in monotonic seconds.

    `slow_down` halves the rate, at most once a second, down to a sixteenth. Each `speed_up` gives a little of it back:
    40 % of the full rate for a second of successes at the full rate.
    """

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._share = 1.0
        self._reserved: list[float] = []  # oldest first: one per waiting thread, and those of the last moments
        self._slowed_at = float("-inf")

    @property
    def is_slowed(self) -> bool:
        """Whether the rate is less than the full one."""
        return self._share < 1

    def is_idle(self, now: float) -> bool:
        """Whether a new bucket would do the same from `now` on."""
        return not self.is_slowed and (not self._reserved or self._reserved[-1] < now - BURST_S - 1 / self._rate)

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
        """Give back what one success is worth."""
        self._share = min(1.0, self._share + RECOVERY_PER_S / self._rate)
