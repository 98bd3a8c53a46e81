"""A dry run: everything is checked, nothing is sent, and nothing is written anywhere but in memory."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy import Connection, insert

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import Sent
from target_stripe_flow.journal.schema import attempts
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.results.text import shown_name

logger = logging.getLogger(__name__)

# More than these are counted, not told one by one.
MOST_SHOWN = 50

# Into memory, which is SQLite's.
_PUT = insert(attempts).prefix_with("OR REPLACE")


class DryRunJournal(Journal):
    """What a journal would hold after this run: its rows, and in memory those that the run would add."""

    def __init__(self, name: str, reader: Connection, writer: Connection, behind: Journal | None) -> None:
        super().__init__(name, reader, writer)
        self._behind = behind

    def latest(self, digest: str) -> Attempt | None:
        """The latest attempt of an identity, if the run were one."""
        return super().latest(digest) or (self._behind.latest(digest) if self._behind else None)

    def latest_update(self, digest: str) -> Attempt | None:
        """The latest update, likewise."""
        return super().latest_update(digest) or (self._behind.latest_update(digest) if self._behind else None)

    def accounts(self) -> list[tuple[str, str]]:
        return self._behind.accounts() if self._behind else []

    def knows(self, account: str, mode: str) -> bool:
        return self._behind.knows(account, mode) if self._behind else False

    def made(self, digest: str, fingerprint: str, accepted: str) -> str | None:
        """The object's id, if this very record would have one."""
        if self._behind is None or super().latest(digest) is not None:
            return super().made(digest, fingerprint, accepted)
        return self._behind.made(digest, fingerprint, accepted)

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """What the journal itself has open; a rehearsal leaves nothing open."""
        return self._behind.open_attempts(account, mode) if self._behind else []

    def shape_of(self, accepted: str) -> str | None:
        return super().shape_of(accepted) or (self._behind.shape_of(accepted) if self._behind else None)

    def change(self, attempt: Attempt, *, was: Attempt) -> None:  # noqa: ARG002  # as the real one is called
        """In memory, over what stands in the file. An update changes what its object was made of."""
        origin = self.latest(attempt.digest) if attempt.is_update else None
        applied = [replace(origin, fingerprint=attempt.fingerprint, accepted=attempt.accepted)] if origin else []
        for each in [attempt, *applied]:
            self._group_commit.write(each.digest, (_PUT, each.row()))


class DryRunSender:
    """Says that Stripe made it, and asks nobody."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def send(self, attempt: Attempt, *, is_new: bool) -> Sent:  # noqa: ARG002  # as the real one is called
        as_if = {"state": State.UPDATED} if attempt.is_update else {"state": State.CREATED, "stripe_id": "dry_run"}
        made = replace(attempt, body=None, **as_if)
        self._journal.change(made, was=attempt)
        return Sent(attempt=made)


class LoggedRejects:
    """Names what a run would put into the rejects file, by line and reason: a record may be a person's."""

    path = "nowhere, as this is a dry run"

    def __init__(self) -> None:
        self._told = 0

    def add(self, received: Received, outcome: Outcome) -> None:
        """Log it, unless many were."""
        self._told += 1
        if self._told <= MOST_SHOWN:
            stream = received.origin.stream
            where = f"{stream}.{shown_name(outcome.field)}" if outcome.field else stream
            logger.info("line %d would be %s: %s: %s", received.line, outcome.status.value, where, outcome.reason)
        if self._told == MOST_SHOWN:
            logger.info("more than these are counted, not told")

    def sync(self) -> None:
        """Nothing to bring to a disk."""
