"""Which process may write a row, and until when. Pure rules, and the owner of a journal that one process uses alone.

A row of an open attempt names its owner, the random id of one run. The owner's lease ends at a time of the database's
clock; a heartbeat extends it. Once the lease has ended, another process may take the row and resend the same bytes
under the same key. A slow owner, or one that was stopped and continues, does no harm: it checks its lease before each
send, and each write changes the row only if the row is as the writer has read it.

A journal file is locked by its only process: that process owns every row, and its lease never ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, true

from stripe_flow.api.errors import StripeFlowError
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State

# A lease must last longer than a whole request. With twice timeout_s a heartbeat may be late by one timeout_s before a
# send has to wait for it. A longer lease would block the rows of a dead process for longer.
LEASE_TIMEOUTS = 2
# Heartbeats per timeout_s: this many may be lost before a send has to wait for one.
BEATS_PER_TIMEOUT = 8


class Superseded(StripeFlowError):
    """Another process has written the row since it was read. Nothing was overwritten; the new row decides."""


@dataclass(frozen=True, kw_only=True)
class LeaseTerms:
    """How long a lease lasts, and when it is renewed; all of it follows from `timeout_s`, the longest request."""

    timeout_s: float

    @property
    def lease_s(self) -> float:
        """How long a lease lasts without renewal."""
        return LEASE_TIMEOUTS * self.timeout_s

    @property
    def beat_every_s(self) -> float:
        """The time between two heartbeats."""
        return self.timeout_s / BEATS_PER_TIMEOUT

    @property
    def scan_after_s(self) -> float:
        """How long after the end of a lease a scan is safe: a stopped owner has then finished its last send."""
        return self.lease_s + self.timeout_s

    def outlives_a_send(self, confirmed_at_s: float, now_s: float) -> bool:
        """Whether a lease that was requested at `confirmed_at_s` lasts longer than a request that is sent at `now_s`.

        Both are of one clock of this machine. The database grants a lease after it was requested, so it ends later
        than this assumes.
        """
        return now_s + self.timeout_s < confirmed_at_s + self.lease_s


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A row that this process owns now, and how long ago its last owner's lease ended, by the database's clock.

    With the defaults no other process can be about to send, and no scan has to wait.
    """

    attempt: Attempt
    expired_s: float = math.inf
    scan_after_s: float = 0

    def wait_before_scan_s(self, now_unix: float) -> float:
        """How long a scan must wait, at Stripe's time `now_unix`, until the last owner has finished its send.

        Both clocks count, the database's and Stripe's: if the database's clock jumps, every lease ends at once. Only
        an intent can be on its way to Stripe.
        """
        if self.attempt.state is not State.INTENT:
            return 0
        known_s = min(self.expired_s, self.attempt.ages(now_unix).quiet_s)
        return max(0.0, self.scan_after_s - max(0.0, known_s))


class Ownership(Protocol):
    """What this process may do with rows."""

    @property
    def owner(self) -> str | None:
        """The id of this process in its rows; None if it uses the journal alone."""

    @property
    def is_free(self) -> ColumnElement[bool]:
        """True for rows that no other process with a lasting lease owns."""

    def names_other_owner(self, attempt: Attempt) -> bool:
        """Whether the row names an owner other than this process, alive or dead."""

    def expired_lease(self, attempt: Attempt) -> tuple[float, float] | None:
        """Seconds since the owner's lease ended, and seconds from its end to a safe scan; None while it lasts."""

    def ensure_valid(self) -> None:
        """Make sure that the ownership lasts for a whole request from now. Raises JournalBroken."""

    def release(self) -> None:
        """End the ownership at the end of the run: other processes may take the rows at once."""


class SoleOwner:
    """The ownership of a process that uses the journal alone. It never ends.

    `ensure_same_file` raises JournalBroken if the journal's file is another one than at the start.
    """

    owner = None
    is_free = true()

    def __init__(self, ensure_same_file: Callable[[], None] = lambda: None) -> None:
        self._ensure_same_file = ensure_same_file

    def names_other_owner(self, attempt: Attempt) -> bool:  # noqa: ARG002  # the protocol's signature
        return False

    def expired_lease(self, attempt: Attempt) -> tuple[float, float] | None:  # noqa: ARG002  # the protocol's signature
        return math.inf, 0.0

    def ensure_valid(self) -> None:
        """The lock lasts as long as the process, but the file could be replaced. Raises JournalBroken if it was."""
        self._ensure_same_file()

    def release(self) -> None:
        """Nothing to do: the lock ends with the process."""
