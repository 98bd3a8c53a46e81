"""Limits requests per second, for all threads: one bucket per account and operation, and one per account for all.

Stripe limits each account to a rate overall and every operation to 25 requests a second
(https://docs.stripe.com/rate-limits). A bucket reserves a moment for each request; the thread waits for it, holding
nothing, and confirms it once the request can be sent.
"""

from __future__ import annotations

import enum
import threading
from collections import defaultdict
from dataclasses import dataclass

from stripe_flow.api.bucket import BURST_S, Bucket
from stripe_flow.api.key_rate import KeyRate
from stripe_flow.api.line import Line

# How far ahead the requests of one operation may reserve moments, and of how many requests at least. If an operation
# with a hundred waiting requests reserved for all, one of another operation would wait behind them.
AHEAD_S = 0.1
FEWEST_AHEAD = 3
UNLIMITED = 1_000_000
# Idle buckets are dropped when there are twice as many buckets as were in use the last time, and at least so many.
FEWEST_BUCKETS = 256


class Scope(enum.Enum):
    """What a 429 slows down."""

    OPERATION = "operation"
    ACCOUNT = "account"


_EVERYTHING = frozenset(Scope)
_BY_REASON = {
    "global": frozenset({Scope.ACCOUNT}),
    "endpoint": frozenset({Scope.OPERATION}),
    "resource": frozenset({Scope.OPERATION}),
}


def scopes_to_slow(reason: str | None, code: str) -> frozenset[Scope]:
    """What to slow down after a 429 (pure).

    `reason` is the header `Stripe-Rate-Limited-Reason`: `global-rate`, `endpoint-concurrency`, `resource-specific` …;
    `code` is the error's. `lock_timeout` means that another request holds the object: no rate is too high.
    """
    if code == "lock_timeout":
        return frozenset()
    return _BY_REASON.get((reason or "").partition("-")[0], _EVERYTHING)


@dataclass(kw_only=True, eq=False)
class Reservation:
    """The moment at which a request may be sent, in monotonic seconds."""

    account: str | None
    operation: str
    due_at: float

    def wait_s(self, now: float) -> float:
        """The seconds to wait for the moment, at least 0."""
        return max(0.0, self.due_at - now)


class Throttle:
    """The buckets of all accounts and operations of the process. A rate of 0 turns a bucket off."""

    def __init__(self, *, per_operation_per_s: float, total_per_s: float) -> None:
        self._rates = {Scope.OPERATION: per_operation_per_s, Scope.ACCOUNT: total_per_s}
        self._is_off = not any(self._rates.values())
        rate = per_operation_per_s or total_per_s
        self._most_ahead = max(FEWEST_AHEAD, int(rate * AHEAD_S)) if rate else UNLIMITED
        self._lines: dict[tuple[str | None, str], Line] = {}
        self._buckets: dict[tuple[str | None, str], Bucket] = {}
        self._most_buckets = FEWEST_BUCKETS
        self._waiting: defaultdict[tuple[str | None, str], list[Reservation]] = defaultdict(list)
        self._key_rate = KeyRate()
        self._lock = threading.Lock()

    def line(self, account: str | None, operation: str) -> Line:
        """Where requests of an operation wait for a permit to reserve a moment; they keep it until the moment comes."""
        with self._lock:
            line = self._lines.get((account, operation))
            if line is None:
                line = self._lines[account, operation] = Line(self._most_ahead)
            return line

    def reserve(self, account: str | None, operation: str, now: float) -> Reservation:
        """Reserve the next moment that is free for the operation, the account and the key."""
        reservation = Reservation(account=account, operation=operation, due_at=now)
        if not self._is_off:
            with self._lock:
                self._schedule(reservation, now)
        return reservation

    def confirm(self, reservation: Reservation, now: float) -> float:
        """Use a reservation whose moment has come: 0 if the request may be sent now, else the seconds to wait again.

        A request that could not be sent within `BURST_S` of its moment takes the moment of another request of the same
        operation that also cannot be sent yet. If there is none it reserves again: what was not sent in the past is not
        made up for by a burst.
        """
        if self._is_off:
            return 0.0
        with self._lock:
            if now - reservation.due_at > BURST_S and not self._swap(reservation, now):
                self._schedule(reservation, now)
            if reservation.due_at > now:
                return reservation.due_at - now
            self._forget(reservation)
            self._key_rate.record_send(now)
        return 0.0

    def slow_down(self, account: str | None, operation: str, now: float, scopes: frozenset[Scope]) -> None:
        """Slow down what a 429 names; several accounts that answer so at once slow down the key."""
        if self._is_off or not scopes:
            return
        with self._lock:
            for bucket in self._buckets_for(account, operation, scopes):
                bucket.slow_down(now)
            self._key_rate.record_refusal(account, now)

    def speed_up(self, account: str | None, operation: str) -> None:
        """Speed the operation, the account and the key up after a success."""
        if self._is_off:
            return
        with self._lock:
            for name in (operation, ""):
                bucket = self._buckets.get((account, name))
                if bucket is not None and bucket.is_slowed:
                    bucket.speed_up()
            self._key_rate.record_success()

    def _schedule(self, reservation: Reservation, now: float) -> None:
        buckets = self._buckets_for(reservation.account, reservation.operation)
        if self._key_rate.bucket is not None:
            buckets.append(self._key_rate.bucket)
        moment = now - BURST_S
        while (later := max((bucket.next_free(moment) for bucket in buckets), default=moment)) > moment:
            moment = later
        for bucket in buckets:
            bucket.reserve(moment, now)
        reservation.due_at = max(moment, now)
        waiting = self._waiting[reservation.account, reservation.operation]
        if reservation not in waiting:
            waiting.append(reservation)
        self._drop_idle(now)

    def _swap(self, late: Reservation, now: float) -> bool:
        """Give `late` the moment of a request of the same operation that is due now; False if there is none."""
        due = [
            each
            for each in self._waiting[late.account, late.operation]
            if each is not late and now - BURST_S <= each.due_at <= now
        ]
        if not due:
            return False
        other = min(due, key=lambda each: each.due_at)
        late.due_at, other.due_at = other.due_at, late.due_at
        return True

    def _forget(self, reservation: Reservation) -> None:
        group = (reservation.account, reservation.operation)
        waiting = self._waiting[group]
        if reservation in waiting:
            waiting.remove(reservation)
        if not waiting:
            del self._waiting[group]

    def _buckets_for(self, account: str | None, operation: str, scopes: frozenset[Scope] = _EVERYTHING) -> list[Bucket]:
        names = {Scope.OPERATION: operation, Scope.ACCOUNT: ""}
        wanted = [(names[scope], rate) for scope, rate in self._rates.items() if rate and scope in scopes]
        for name, rate in wanted:
            if (account, name) not in self._buckets:
                self._buckets[account, name] = Bucket(rate)
        return [self._buckets[account, name] for name, _ in wanted]

    def _drop_idle(self, now: float) -> None:
        """Forget the buckets of accounts that are done: thousands of them must not stay."""
        if len(self._buckets) <= self._most_buckets:
            return
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_idle(now)}
        self._lines = {key: line for key, line in self._lines.items() if not line.is_idle}
        self._most_buckets = max(FEWEST_BUCKETS, 2 * len(self._buckets))
