"""The books of a run: every record that came in is in exactly one place, and the sums are printed."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Protocol

from stripe_flow.api.errors import StripeFlowError
from target_stripe_flow.origin import Came
from target_stripe_flow.outcome import Outcome, Place
from target_stripe_flow.text import shown_name

_REFUSED = {Place.REJECTED, Place.DECLINED}


class TooManyRejects(StripeFlowError):
    """The run was told to stop here."""

    exit_code = 2


class Reports(Protocol):
    """Where the records go that a person should look at."""

    @property
    def path(self) -> object:
        """In words."""

    def add(self, came: Came, outcome: Outcome) -> None:
        """Take one more."""

    def sync(self) -> None:
        """Bring what was added to the disk."""


class Accounts:
    """Safe to share between threads."""

    def __init__(self, rejects: Reports, *, most_rejects: int | None) -> None:
        """More than `most_rejects` rejected or declined records stop the run; None: no limit."""
        self.counts: Counter[Place] = Counter()
        self._rejects = rejects
        self._most_rejects = most_rejects
        self._lock = threading.Lock()

    def end(self, came: Came, outcome: Outcome) -> None:
        """A record is done. Raises TooManyRejects after it is on file and counted."""
        if outcome.place.is_reported:
            self._rejects.add(came, outcome)
        with self._lock:
            self.counts[outcome.place] += 1
            refused = self.counts[Place.REJECTED] + self.counts[Place.DECLINED]
        if outcome.place in _REFUSED and self._most_rejects is not None and refused > self._most_rejects:
            raise TooManyRejects(
                f"stopped at line {came.line}: {shown_name(outcome.field) or 'the record'}: {outcome.reason}. "
                f"{refused} rejected or declined so far, see {self._rejects.path}"
            )

    def ignore(self) -> None:
        with self._lock:
            self.counts[Place.IGNORED] += 1

    def summary(self) -> str:
        """`7 records: 5 created, 2 rejected (see PATH)`."""
        parts = [f"{self.counts[place]} {place.value}" for place in Place if self.counts[place]]
        told = f" (see {self._rejects.path})" if any(self.counts[place] for place in Place if place.is_reported) else ""
        return f"{sum(self.counts.values())} records: {', '.join(parts) or 'nothing to do'}{told}"

    def sync(self) -> None:
        """What was reported is on the disk when this returns: only then may anything say that it counts."""
        self._rejects.sync()
