"""The tally of a run: each record counts under exactly one status, and the sums are printed."""

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
    """The run stops: more records were rejected or declined than `on_reject` or `max_rejects` allows."""

    exit_code = 2


class RejectsSink(Protocol):
    """Takes rejected and declined records."""

    @property
    def path(self) -> object:
        """Where the rejects are, as text for a message."""

    def add(self, received: Received, outcome: Outcome) -> None:
        """Add a record."""

    def sync(self) -> None:
        """Bring the added records to the disk."""


class Tally:
    """Counts records by stream and status. Safe to share between threads."""

    def __init__(self, rejects: RejectsSink, *, most_rejects: int | None) -> None:
        """More than `most_rejects` rejected or declined records stop the run; None: no limit."""
        self._counts: Counter[tuple[str, Status]] = Counter()
        self._refused = 0
        self._has_conflict = False
        self._rejects = rejects
        self._most_rejects = most_rejects
        self._lock = threading.Lock()

    def end(self, received: Received, outcome: Outcome) -> None:
        """Count a record, and report it if it was rejected or declined. Raises TooManyRejects after both."""
        is_refused = outcome.status.is_reported
        if is_refused:
            self._rejects.add(received, outcome)
        with self._lock:
            self._counts[received.origin.stream, outcome.status] += 1
            self._refused += is_refused
            self._has_conflict |= outcome.is_conflict
            refused = self._refused
        if is_refused and self._most_rejects is not None and refused > self._most_rejects:
            where = shown_name(outcome.field) if outcome.field else "the record"
            raise TooManyRejects(
                f"stopped at line {received.line}: {where}: {outcome.reason}. "
                f"{refused} rejected or declined so far, see {self._rejects.path}"
            )

    def ignore(self, stream: str) -> None:
        """Count a record that is null or filtered by a stream map."""
        with self._lock:
            self._counts[stream, Status.IGNORED] += 1

    def statuses(self) -> Mapping[str, int]:
        """The number of records for each status that has any."""
        sums: Counter[Status] = Counter()
        with self._lock:
            for (_, status), count in self._counts.items():
                sums[status] += count
        return {status.value: sums[status] for status in Status if sums[status]}

    @property
    def is_nothing_but_rejects(self) -> bool:
        """Whether a record was rejected, all others were rejected or ignored, and none is in conflict."""
        with self._lock:
            used = {status for (_, status), count in self._counts.items() if count}
            return {Status.REJECTED} <= used <= {Status.REJECTED, Status.IGNORED} and not self._has_conflict

    def rows(self) -> list[Fields]:
        """One row for each stream in the order of the input: the number of records, in all and for each used status."""
        with self._lock:
            counts = dict(self._counts)
        used = [status for status in Status if any(status is used for _, used in counts)]
        rows: list[Fields] = []
        for stream in dict.fromkeys(stream for stream, _ in counts):
            by_status = {status.value: counts.get((stream, status), 0) for status in used}
            rows.append({"stream": shown_name(stream), "records": sum(by_status.values()), **by_status})
        return rows

    def summary(self) -> str:
        """`7 records: 5 created, 2 rejected (see PATH)`."""
        statuses = self.statuses()
        parts = [f"{count} {status}" for status, count in statuses.items()]
        rejects = f" (see {self._rejects.path})" if self._refused else ""
        return f"{sum(statuses.values())} records: {', '.join(parts) or 'nothing to do'}{rejects}"

    def sync(self) -> None:
        """Bring the reported rejects to the disk. Call this before a STATE or a summary is printed."""
        self._rejects.sync()
