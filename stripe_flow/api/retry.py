"""When the same request may be sent again, as a pure rule over the answer, and how long to go on without a success.

A resend carries the same bytes under the same idempotency key. So for a write the question is not "did it fail?" but
"can sending it again do harm or good?". Sources: https://docs.stripe.com/api/idempotent_requests and
https://docs.stripe.com/error-low-level.
"""

from __future__ import annotations

import threading

# Refused before execution (409 clash, 424, 429) or lost on the way (408, 502, 503, 504): the outcome is undecided.
UNDECIDED = frozenset({408, 409, 424, 429, 502, 503, 504})
DECLINED = 402
TOO_MANY_REQUESTS = 429
# A read gets this long even if the retry budget ends sooner: less would cut off answers that arrive over a slow line.
SHORTEST_READ_S = 5.0
# So many writes in a row may be given up while the run goes on; after that Stripe is at fault, and not the writes.
MOST_LEFT_OPEN = 5


def may_resend(http_status: int | None, *, should_retry: bool | None, is_read: bool) -> bool:
    """Whether to send the same bytes again.

    `http_status` is None without a whole answer: connection refused, timeout, cut off or unreadable body.
    `should_retry` is the header `Stripe-Should-Retry`, None if it is missing. It overrides the table, except for a
    decline, which Stripe stores and would only replay.

    A 500 to a write without the header is never resent: Stripe replays it for the same key, and its effect is unknown.
    Sending a read again does no harm.
    """
    if http_status == DECLINED:
        return False
    if should_retry is not None:
        return should_retry
    if http_status is None or http_status in UNDECIDED:
        return True
    return is_read and http_status >= 500


class RetryBudget:
    """How long to go on without a success; shared by the threads of a scope. Times are monotonic seconds.

    Before the first success the limit is `first_limit_s`, so that a wrong address or a dead network is reported soon.
    After it the limit is `limit_s`, counted from when the first request that failed was sent, or from the last success
    if that is later. An idle hour therefore spends nothing.
    """

    def __init__(self, *, limit_s: float, first_limit_s: float = 60) -> None:
        self._current_limit_s = min(first_limit_s, limit_s)
        self._limit_s = limit_s
        self._succeeded_at: float | None = None
        self._failing_since: float | None = None
        self._has_written = False
        self._left_open = 0
        self._lock = threading.Lock()

    @property
    def limit_s(self) -> float:
        """The limit after the first success."""
        return self._limit_s

    def record_success(self, now: float, *, is_write: bool = False) -> None:
        """Renew the budget."""
        with self._lock:
            if is_write:
                self._has_written, self._left_open = True, 0
            self._succeeded_at = now
            self._failing_since = None
            self._current_limit_s = self._limit_s

    def record_failure(self, sent_at: float) -> None:
        """Count a request that was sent at `sent_at` and got no usable answer."""
        with self._lock:
            since = sent_at if self._succeeded_at is None else max(sent_at, self._succeeded_at)
            self._failing_since = since if self._failing_since is None else min(since, self._failing_since)

    def leave_one_open(self) -> bool:
        """Whether one write may be given up while the others go on, and counts it.

        False before the first write that succeeded, and after `MOST_LEFT_OPEN` in a row.
        """
        with self._lock:
            self._left_open += 1
            return self._has_written and self._left_open <= MOST_LEFT_OPEN

    def has_succeeded_since(self, monotonic_s: float | None) -> bool:
        """Whether a request succeeded after this time."""
        with self._lock:
            return None not in (monotonic_s, self._succeeded_at) and self._succeeded_at > monotonic_s  # type: ignore[operator]  # neither is None

    def failing_since(self) -> float | None:
        """When the first request that failed since the last success was sent; None if none failed."""
        with self._lock:
            return self._failing_since

    def is_spent(self, now: float) -> bool:
        """Whether to give up."""
        with self._lock:
            return self._failing_since is not None and now - self._failing_since >= self._current_limit_s

    def left_s(self, now: float) -> float:
        """Seconds until the budget is spent; negative after that."""
        with self._lock:
            return self._current_limit_s - self._spent_s(now)

    def spent_s(self, now: float) -> float:
        """Seconds of failures without a success; 0 if nothing fails."""
        with self._lock:
            return self._spent_s(now)

    def read_limit_s(self, now: float) -> float | None:
        """Seconds that a read may take before the first success; None after it: the usual timeout applies."""
        left_s = self.left_s(now)
        return None if self._succeeded_at is not None else max(left_s, SHORTEST_READ_S)

    def _spent_s(self, now: float) -> float:
        return 0.0 if self._failing_since is None else now - self._failing_since
