"""What is to be done for one record, and the journal's row of doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from target_stripe_flow.actions import fingerprint
from target_stripe_flow.actions.guards import Candidate
from target_stripe_flow.actions.money import money_of
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.results.outcome import Rejected

Parameters = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Job:
    """A record's identity and the `parameters` that were picked from it; `checker` says which were accepted.

    `unset` are those that an update is to empty, since the record says null of them. `candidate` is what may be held
    against sending it.
    """

    spec: ActionSpec
    identity: Identity
    parameters: Parameters
    checker: RecordChecker
    unset: Parameters
    candidate: Candidate | None = None

    @cached_property
    def objection(self) -> Rejected | None:
        """Why nothing may be sent for it; what was sent before stands. Most records are known, and never asked."""
        return self.checker.objection(self.candidate) if self.candidate else None

    @cached_property
    def fingerprint(self) -> str:
        """Of what is sent; of a record that only finds, of what is found."""
        found = {self.spec.find_by: self.find_id}
        return fingerprint.digest(self.parameters if self.find_id is None else found)

    @property
    def find_id(self) -> str | None:
        """The Stripe id of an object that exists and is only to be found."""
        return self.parameters.get(self.spec.find_by) if self.spec.find_by else None

    def attempt(self, latest: Attempt | None) -> Attempt:
        """The next attempt at making it, which may be one that a person has opened."""
        if latest is not None and latest.state is State.OPENED:
            return replace(latest, **self._what(), **self._money())
        return Attempt(
            digest=self.identity.digest,
            attempt=1 if latest is None else latest.attempt + 1,
            state=State.INTENT,
            action=self.spec.name,
            account=self.identity.scope.account,
            mode=self.identity.scope.mode,
            **self._whose(),
            **self._what(),
            **self._money(),
        )

    def update(self, made: Attempt, last: Attempt | None) -> Attempt:
        """The next update of what was made; `last` is the last one."""
        is_of_it = last is not None and last.attempt == made.attempt
        return Attempt(
            digest=made.digest,
            attempt=made.attempt,
            revision=last.revision + 1 if last is not None and is_of_it else 1,
            state=State.INTENT,
            action=made.action,
            account=made.account,
            mode=made.mode,
            stripe_id=made.stripe_id,
            path=f"{self.spec.path}/{quote(str(made.stripe_id), safe='')}",
            **self._whose(),
            **self._what(),
        )

    def adopted(self, rebuilt: Attempt) -> Attempt:
        """A row that was rebuilt learns whose it is."""
        return replace(rebuilt, **self._whose(), **self._what())

    def _whose(self) -> dict[str, Any]:  # Any: columns of the journal
        return {"source_name": self.identity.scope.source_name, "source_key": self.identity.source_key}

    def _what(self) -> dict[str, Any]:  # Any: as above
        return {"fingerprint": self.fingerprint, "accepted": self.checker.accepted}

    def _money(self) -> dict[str, Any]:  # Any: as above
        return money_of(self.parameters).columns() if self.spec.moves_money else {}
