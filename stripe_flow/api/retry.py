"""When the same request may be sent again: a pure rule over what came back.

A resend carries the same bytes under the same idempotency key. So for a write the question is not "did it fail?" but
"can sending it again do harm or good?". Sources: https://docs.stripe.com/api/idempotent_requests and
https://docs.stripe.com/error-low-level.
"""

from __future__ import annotations

import threading

# Refused before execution (409 clash, 424, 429) or lost on the way (408, 502, 503, 504): the answer is still open.
UNDECIDED = frozenset({408, 409, 424, 429, 502, 503, 504})
DECLINED = 402
TOO_MANY = 429
# A read gets this long even where patience ends sooner: less would cut answers that are on their way over a slow line.
SHORTEST_READ_S = 5.0


def may_resend(http_status: int | None, *, stripe_says: bool | None, is_read: bool) -> bool:
    """Whether to send the same bytes again.

    `http_status` is None when no whole answer came: refused connection, timeout, cut or unreadable body.
    `stripe_says` is the header `Stripe-Should-Retry`, None where it is absent; it decides over the table, but for a
    decline, which is stored and would only be replayed.

    A 500 to a write without the header is never resent: Stripe replays it for the same key, and nobody knows
    whether it had an effect. To a read it does no harm.
    """
    if http_status == DECLINED:
        return False
    if stripe_says is not None:
        return stripe_says
    if http_status is None or http_status in UNDECIDED:
        return True
    return is_read and http_status >= 500


class RetryBudget:
    """How long to go on without one success; shared by the threads of a scope.

    `first_s` counts before the first success: a wrong address or a dead network should be said soon. After it
    `then_s` counts, from when the first request that failed was sent, or from the last success where that is later;
    so an idle hour uses up no patience. Times are monotonic seconds.
    """

    def __init__(self, *, then_s: float, first_s: float = 60) -> None:
        self._limit_s = min(first_s, then_s)
        self._then_s = then_s
        self._succeeded_at: float | None = None
        self._failing_since: float | None = None
        self._lock = threading.Lock()

    def succeeded(self, now: float) -> None:
        with self._lock:
            self._succeeded_at = now
            self._failing_since = None
            self._limit_s = self._then_s

    def failed(self, sent_at: float) -> None:
        """A request that was sent at `sent_at` had no usable answer."""
        with self._lock:
            since = sent_at if self._succeeded_at is None else max(sent_at, self._succeeded_at)
            self._failing_since = since if self._failing_since is None else min(since, self._failing_since)

    def is_over(self, now: float) -> bool:
        with self._lock:
            return self._failing_since is not None and now - self._failing_since >= self._limit_s

    def left_s(self, now: float) -> float:
        with self._lock:
            return self._limit_s - self._spent_s(now)

    def spent_s(self, now: float) -> float:
        with self._lock:
            return self._spent_s(now)

    def first_read_s(self, now: float) -> float | None:
        """How long a read may take before anything has succeeded; None: as long as any."""
        left_s = self.left_s(now)
        return None if self._succeeded_at is not None else max(left_s, SHORTEST_READ_S)

    def _spent_s(self, now: float) -> float:
        return 0.0 if self._failing_since is None else now - self._failing_since
