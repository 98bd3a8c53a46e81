"""The books of a run: every record that came in is in exactly one place, and the sums are printed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from stripe_flow.api.errors import StripeFlowError
from stripe_flow.singer.fields import Fields
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome, Status
from target_stripe_flow.results.text import shown_name


class TooManyRejects(StripeFlowError):
    """The run was told to stop here."""

    exit_code = 2


class RejectsSink(Protocol):
    """Where the records go that a person should look at."""

    @property
    def path(self) -> object:
        """In words."""

    def add(self, received: Received, outcome: Outcome) -> None:
        """Take one more."""

    def sync(self) -> None:
        """Bring what was added to the disk."""


class Tally:
    """Safe to share between threads."""

    def __init__(self, rejects: RejectsSink, *, most_rejects: int | None) -> None:
        """More than `most_rejects` rejected or declined records stop the run; None: no limit."""
        self._counts: Counter[tuple[str, Status]] = Counter()
        self._refused = 0
        self._rejects = rejects
        self._most_rejects = most_rejects
        self._lock = threading.Lock()

    def end(self, received: Received, outcome: Outcome) -> None:
        """A record is done. Raises TooManyRejects after it is on file and counted."""
        is_refused = outcome.status.is_reported
        if is_refused:
            self._rejects.add(received, outcome)
        with self._lock:
            self._counts[received.origin.stream, outcome.status] += 1
            self._refused += is_refused
            refused = self._refused
        if is_refused and self._most_rejects is not None and refused > self._most_rejects:
            raise TooManyRejects(
                f"stopped at line {received.line}: {shown_name(outcome.field) or 'the record'}: {outcome.reason}. "
                f"{refused} rejected or declined so far, see {self._rejects.path}"
            )

    def ignore(self, stream: str) -> None:
        with self._lock:
            self._counts[stream, Status.IGNORED] += 1

    def statuses(self) -> Mapping[str, int]:
        """How many records are in each place that has any."""
        sums = self._sums()
        return {status.value: sums[status] for status in Status if sums[status]}

    def rows(self) -> list[Fields]:
        """Of each stream of the input, in its order: all records, and how many are in each place that has any."""
        with self._lock:
            counts = dict(self._counts)
        used = [status for status in Status if any(status is used for _, used in counts)]
        rows: list[Fields] = []
        for stream in dict.fromkeys(stream for stream, _ in counts):
            of_stream = {status.value: counts.get((stream, status), 0) for status in used}
            rows.append({"stream": shown_name(stream), "records": sum(of_stream.values()), **of_stream})
        return rows

    def summary(self) -> str:
        """`7 records: 5 created, 2 rejected (see PATH)`."""
        statuses = self.statuses()
        parts = [f"{count} {status}" for status, count in statuses.items()]
        told = f" (see {self._rejects.path})" if self._refused else ""
        return f"{sum(statuses.values())} records: {', '.join(parts) or 'nothing to do'}{told}"

    def _sums(self) -> Counter[Status]:
        sums: Counter[Status] = Counter()
        with self._lock:
            for (_, status), count in self._counts.items():
                sums[status] += count
        return sums

    def sync(self) -> None:
        """What was reported is on the disk when this returns: only then may anything say that it counts."""
        self._rejects.sync()
