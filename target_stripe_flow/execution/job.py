"""The work for one record, and its attempts as rows of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from target_stripe_flow.actions import fingerprint
from target_stripe_flow.actions.guards import Candidate
from target_stripe_flow.actions.money import money_of
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.attempts.spelling import misspelled_key, trimmed
from target_stripe_flow.execution.lookups import path_of
from target_stripe_flow.results.outcome import Rejected

Parameters = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Job:
    """A record's identity and the `parameters` picked from it by `checker`.

    `unset` are the parameters that an update empties, because they are null in the record. `candidate` is what the
    guards check; without it nothing is checked. `has_waited`: it was deferred for a record that it names, and the
    input has not brought that so far.
    """

    spec: ActionSpec
    identity: Identity
    parameters: Parameters
    checker: RecordChecker
    unset: Parameters
    candidate: Candidate | None = None
    has_waited: bool = False

    @cached_property
    def objection(self) -> Rejected | None:
        """Why the record must not be sent; None if it may be. Computed on demand: most records are known unchanged."""
        if self.candidate is None:
            return None
        keys = self.candidate.keys
        return (
            misspelled_key(self.identity.source_key, keys)
            or self.checker.objection(self.candidate)
            or self.checker.fault(self.parameters)
        )

    @property
    def twin(self) -> Identity | None:
        """The identity that this one looks like, without white space and invisible characters; None if it is itself."""
        key = tuple(map(trimmed, self.identity.source_key))
        return None if key == self.identity.source_key or not all(key) else replace(self.identity, source_key=key)

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the content."""
        return fingerprint.digest(self.content)

    @property
    def content(self) -> Parameters:
        """What a later record is compared with: the parameters; where the record names an existing object, its id."""
        return self.parameters if self.find_id is None else {str(self.spec.find_by): self.find_id}

    @property
    def find_id(self) -> str | None:
        """The Stripe id of the existing object that the record names, if it names one."""
        return self.parameters.get(self.spec.find_by) if self.spec.find_by else None

    @property
    def inline_ids(self) -> list[tuple[str, str]]:
        """Pairs (action, id): the objects with ids of the record's own that Stripe creates with its object."""
        found = [(action, _value_at(self.parameters, path)) for path, action in self.spec.inline_ids.items()]
        return [(action, value) for action, value in found if isinstance(value, str)]

    def attempt(self, latest: Attempt | None) -> Attempt:
        """The next attempt to create the object: the one that a person opened, else a new one."""
        if latest is not None and latest.state is State.OPENED:
            # Its reason was why it waited. From now on the reason is what comes of it.
            return replace(latest, reason=None, **self._content(), **self._money())
        return Attempt(
            digest=self.identity.digest,
            attempt=1 if latest is None else latest.attempt + 1,
            state=State.INTENT,
            action=self.spec.name,
            account=self.identity.scope.account,
            mode=self.identity.scope.mode,
            **self._source(),
            **self._content(),
            **self._money(),
        )

    def update(self, made: Attempt, last: Attempt | None) -> Attempt:
        """The next update of the object that `made` created; `last` is the latest update of the identity.

        Raises Rejected if no path can hold the object's id.
        """
        is_same_object = last is not None and last.attempt == made.attempt
        return Attempt(
            digest=made.digest,
            attempt=made.attempt,
            revision=last.revision + 1 if last is not None and is_same_object else 1,
            state=State.INTENT,
            action=made.action,
            account=made.account,
            mode=made.mode,
            stripe_id=made.stripe_id,
            path=path_of(self.spec.path, str(made.stripe_id), ""),
            **self._source(),
            **self._content(),
        )

    def adopt(self, rebuilt: Attempt) -> Attempt:
        """A rebuilt row with the source key and fingerprint of this record, which the marker does not hold."""
        return replace(rebuilt, **self._source(), **self._content())

    def _source(self) -> dict[str, Any]:  # Any: columns of the journal
        return {"source_name": self.identity.scope.source_name, "source_key": self.identity.source_key}

    def _content(self) -> dict[str, Any]:  # Any: columns of the journal
        marks = fingerprint.field_marks(self.content, self.checker.shape, self.identity.digest)
        return {"fingerprint": self.fingerprint, "accepted": self.checker.accepted, "field_marks": marks}

    def _money(self) -> dict[str, Any]:  # Any: columns of the journal
        return money_of(self.parameters).columns() if self.spec.moves_money else {}


def _value_at(parameters: Any, path: Sequence[str]) -> object:  # Any: JSON
    for name in path:
        parameters = parameters.get(name) if isinstance(parameters, dict) else None
    return parameters
