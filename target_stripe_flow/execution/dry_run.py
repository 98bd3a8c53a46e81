"""A dry run: it checks everything, sends no write to Stripe, and writes only to memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, insert

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import Sent
from target_stripe_flow.journal.schema import attempts
from target_stripe_flow.journal.sources import read_sources, write_source
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.results.text import shown_name

logger = logging.getLogger(__name__)

# Further rejects are counted but not logged.
MOST_SHOWN = 50

# The journal in memory is always SQLite.
_PUT = insert(attempts).prefix_with("OR REPLACE")


class DryRunJournal(Journal):
    """The journal as it would be after this run: the rows of the real journal, and in memory the rows of this run."""

    def __init__(self, name: str, reader: Connection, writer: Connection, real: Journal | None) -> None:
        """`real` is the journal that is read and never changed; None if there is none yet."""
        super().__init__(name, reader, writer)
        self._real = real
        for source in read_sources(real) if real else ():
            write_source(self, source)

    def latest(self, digest: str) -> Attempt | None:
        """The latest attempt of an identity, from this run or from the real journal."""
        return super().latest(digest) or (self._real.latest(digest) if self._real else None)

    def latest_update(self, digest: str) -> Attempt | None:
        """The latest update of an identity, from this run or from the real journal."""
        return super().latest_update(digest) or (self._real.latest_update(digest) if self._real else None)

    def accounts(self) -> list[tuple[str, str]]:
        return self._real.accounts() if self._real else []

    def knows(self, account: str, mode: str, **columns: str) -> bool:
        return self._real.knows(account, mode, **columns) if self._real else False

    def find_source_key(self, account: str, mode: str, action: str, source_name: str) -> tuple[str, ...] | None:
        return self._real.find_source_key(account, mode, action, source_name) if self._real else None

    def count_records(self, account: str, mode: str, action: str) -> dict[str | None, int]:
        return self._real.count_records(account, mode, action) if self._real else {}

    def find_object_id(self, digest: str, fingerprint: str, accepted: str) -> str | None:
        """The object's id if this same record was sent before, in this run or an earlier one."""
        if self._real is None or super().latest(digest) is not None:
            return super().find_object_id(digest, fingerprint, accepted)
        return self._real.find_object_id(digest, fingerprint, accepted)

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """The open attempts of the real journal; a dry run leaves none open."""
        return self._real.open_attempts(account, mode) if self._real else []

    def ask(self, query: Select[Any]) -> Sequence[Row[Any]]:  # Any: what the query selects
        """The rows of the real journal."""
        return self._real.ask(query) if self._real else super().ask(query)

    def shape_of(self, accepted: str) -> str | None:
        return super().shape_of(accepted) or (self._real.shape_of(accepted) if self._real else None)

    def change(self, attempt: Attempt, *, was: Attempt) -> None:  # noqa: ARG002  # the signature of Journal
        """Write the row to memory, where it hides that of the real journal. An update also changes its object's row."""
        origin = self.latest(attempt.digest) if attempt.is_update else None
        applied = [replace(origin, **attempt.content())] if origin else []
        for row in [attempt, *applied]:
            self._group_commit.write(row.digest, (_PUT, row.row()))


class DryRunSender:
    """Answers as if Stripe had created or updated the object, without a request."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def send(self, attempt: Attempt, *, is_new: bool) -> Sent:  # noqa: ARG002  # the signature of Sender
        """The attempt as created or updated, written to the journal in memory."""
        columns = {"state": State.UPDATED} if attempt.is_update else {"state": State.CREATED, "stripe_id": "dry_run"}
        made = replace(attempt, body=None, **columns)
        self._journal.change(made, was=attempt)
        return Sent(attempt=made)


class LoggedRejects:
    """Logs line, field and reason of each reject instead of writing a file; no values, as they may be personal data."""

    path = "the lines above: a dry run writes no rejects file"

    def __init__(self) -> None:
        self._logged = 0

    def add(self, received: Received, outcome: Outcome) -> None:
        """Log the reject, unless `MOST_SHOWN` were logged already."""
        self._logged += 1
        if self._logged <= MOST_SHOWN:
            stream = received.origin.stream
            where = f"{stream}.{shown_name(outcome.field)}" if outcome.field else stream
            logger.info("line %d would be %s: %s: %s", received.line, outcome.status.value, where, outcome.reason)
        if self._logged == MOST_SHOWN:
            logger.info("further rejects are counted but not logged")

    def sync(self) -> None:
        """Does nothing: there is no file."""
