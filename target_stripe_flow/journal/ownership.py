"""Who may write a row, and until when: the rules, and the case of a journal that one process has to itself.

A row that is being worked on names its owner, a random id of one run. A owner's lease is good until a moment of the
database's clock and is extended by a heartbeat; whoever's lease is over may lose its rows to another process, which
resends the same bytes under the same key. So a owner that is only slow, or was stopped and wakes up, does no harm:
before each send it makes sure of its lease, and each write says what the row was before, or it changes nothing.

A file that is locked by its only process is a lease that never ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, true

from stripe_flow.api.errors import StripeFlowError
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State

# A lease must outlive a whole request before it leaves. Two requests long: the heartbeat may be late by one request's
# time before a send has to wait for it; longer, and the rows of a dead process lie idle for nothing.
LEASE_TIMEOUTS = 2
# So many heartbeats may be lost before a send has to wait for one.
BEATS_PER_TIMEOUT = 8


class Superseded(StripeFlowError):
    """Another process has written the row meanwhile: what stands there decides, and nothing was overwritten."""


@dataclass(frozen=True, kw_only=True)
class LeaseTerms:
    """Of a lease; all of it follows from how long a request may take."""

    timeout_s: float

    @property
    def lease_s(self) -> float:
        return LEASE_TIMEOUTS * self.timeout_s

    @property
    def beat_every_s(self) -> float:
        return self.timeout_s / BEATS_PER_TIMEOUT

    @property
    def scan_after_s(self) -> float:
        """So long after its end a lease's owner, had it been stopped, is done with what it was about to send."""
        return self.lease_s + self.timeout_s

    def outlives_a_send(self, confirmed_at_s: float, now_s: float) -> bool:
        """Whether a lease that was asked for at `confirmed_at_s` lasts longer than a request that leaves at `now_s`.

        By one clock of this machine. It was granted later than it was asked for, so it ends later than this says.
        """
        return now_s + self.timeout_s < confirmed_at_s + self.lease_s


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A row that is this process's now, and how long its last owner's lease has been over by the database's clock.

    Both times are 0 where nobody else can have been about to send.
    """

    attempt: Attempt
    over_s: float = math.inf
    scan_after_s: float = 0

    def wait_before_scan_s(self, now_unix: float) -> float:
        """How long a look must wait, at Stripe's time `now_unix`: two clocks must say that the owner is done.

        A database's clock may jump, and then every lease is over at once. Only an intent can be on its way.
        """
        if self.attempt.state is not State.INTENT:
            return 0
        known_s = min(self.over_s, self.attempt.ages(now_unix).quiet_s)
        return max(0.0, self.scan_after_s - max(0.0, known_s))


class Ownership(Protocol):
    """The right of this process to work on rows."""

    @property
    def owner(self) -> str | None:
        """What its rows name; None where there is nobody to tell it from."""

    @property
    def is_free(self) -> ColumnElement[bool]:
        """Which rows no other process has in hand."""

    def is_elsewhere(self, attempt: Attempt) -> bool:
        """Whether the row names another owner, dead or alive."""

    def former_owner(self, attempt: Attempt) -> tuple[float, float] | None:
        """Of the owner that it names: how long its lease is over, and after how long a look may come.

        None: it is not over.
        """

    def assure(self) -> None:
        """Be sure that the right lasts for a whole request from now. Raises JournalBroken."""

    def release(self) -> None:
        """The end of the run: what is left is anybody's at once."""


class SoleOwner:
    """Of a process that has the journal to itself: it never ends."""

    owner = None
    is_free = true()

    def is_elsewhere(self, attempt: Attempt) -> bool:  # noqa: ARG002  # as a lease is asked
        return False

    def former_owner(self, attempt: Attempt) -> tuple[float, float] | None:  # noqa: ARG002  # as above
        return math.inf, 0.0

    def assure(self) -> None:
        """It does."""

    def release(self) -> None:
        """Nothing to say: the lock ends with the process."""
