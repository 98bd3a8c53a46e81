"""Turns a record into a Stripe object once: what the journal knows of it decides whether anything is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from stripe_flow.api import forms
from stripe_flow.api.client import Client
from target_stripe_flow import fingerprint
from target_stripe_flow.actions import ACTIONS, ActionSpec
from target_stripe_flow.identity import Identity, joined
from target_stripe_flow.journal.attempt import Attempt
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.lifecycle import HAS_OBJECT, Answer, State, on_record
from target_stripe_flow.marking import marked
from target_stripe_flow.names import Names, find
from target_stripe_flow.outcome import Outcome, Place, Rejected
from target_stripe_flow.sending import Sends
from target_stripe_flow.standing import conflict, outcome_of, standing
from target_stripe_flow.validation import RecordChecker

# Only these are ever named by other records, so only their names are kept.
REFERENCED = {action for spec in ACTIONS.values() for action in spec.references.values()}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A record's identity and the `parameters` that were picked from it; `checker` says which were accepted."""

    spec: ActionSpec
    identity: Identity
    parameters: dict[str, Any]  # Any: JSON
    checker: RecordChecker

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint.digest(self.parameters)

    @property
    def find_id(self) -> str | None:
        """The Stripe id of an object that exists and is only to be found."""
        return self.parameters.get(self.spec.find_by) if self.spec.find_by else None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the settings say: whether a changed record may pass, and whether an object says its source key as it is."""

    ignores_changes: bool = False
    is_key_clear: bool = False


class Performer:
    """Safe to share between threads; two jobs of one lane must not run at once."""

    def __init__(self, client: Client, journal: Journal, sender: Sends, names: Names, rules: Rules) -> None:
        self._client, self._journal, self._sender, self._names = client, journal, sender, names
        self._rules = rules

    def lanes(self, job: Job) -> list[str]:
        """What `job` must not overlap with: its own identity, and the objects that it names."""
        own = joined(job.identity.source_key)
        if job.find_id is not None:
            self._names.alias(job.spec.name, job.identity.source_key, job.find_id)
        named = [
            self._names.lane(action, job.parameters[name])
            for name, action in job.spec.references.items()
            if name in job.parameters
        ]
        return list(dict.fromkeys([own_lane(job.identity), self._names.lane(job.spec.name, own), *named]))

    def already(self, job: Job) -> Outcome | None:
        """What stands in the journal about it; None if it is to be done."""
        stripe_id = self._journal.made(job.identity.digest, job.fingerprint, job.checker.accepted)
        if stripe_id is not None:
            return Outcome(place=Place.UNCHANGED, stripe_id=stripe_id)
        return self._known(job, self._journal.latest(job.identity.digest))

    def perform(self, job: Job) -> Outcome:
        """Do it, unless it is done. Raises AccountTrouble where no record could fare better."""
        latest = self._journal.latest(job.identity.digest)
        known = self._known(job, latest)
        if known is not None:
            return known
        try:
            return self._find(job, latest, job.find_id) if job.find_id is not None else self._create(job, latest)
        except Rejected as rejected:
            return rejected.outcome

    def _known(self, job: Job, latest: Attempt | None) -> Outcome | None:
        if latest is None:
            return None
        match on_record(latest.state, is_same=self._is_same(job, latest)):
            case Answer.SEND | Answer.SEND_OPENED:
                return None
            case Answer.STANDS:
                self._adopt(job, latest)
                return standing(latest)
            case Answer.CHANGED:
                is_ignored = self._rules.ignores_changes and job.spec.is_changeable and latest.state in HAS_OBJECT
                return standing(latest) if is_ignored else conflict(latest)

    def _is_same(self, job: Job, latest: Attempt) -> bool:
        if latest.fingerprint is None:  # rebuilt from the marker at Stripe, which does not tell
            return True
        if latest.accepted is not None and latest.accepted != job.checker.accepted:
            shape = self._journal.shape_of(latest.accepted)
            if shape is not None:
                return fingerprint.digest(fingerprint.within(job.parameters, json.loads(shape))) == latest.fingerprint
        return job.fingerprint == latest.fingerprint

    def _adopt(self, job: Job, latest: Attempt) -> None:
        """A row that was rebuilt learns whose it is."""
        if latest.source_key is None:
            self._journal.change(replace(latest, **_whose(job), **_what(job)))

    def _find(self, job: Job, latest: Attempt | None, stripe_id: str) -> Outcome:
        find(self._client, job.spec.path, stripe_id, job.spec.find_by or "")
        attempt = replace(self._attempt(job, latest), state=State.FOUND, stripe_id=stripe_id)
        (self._journal.change if _is_opened(latest) else self._journal.open_attempt)(attempt)
        self._learn(job, stripe_id)
        return Outcome(place=Place.FOUND, stripe_id=stripe_id)

    def _create(self, job: Job, latest: Attempt | None) -> Outcome:
        parameters = job.parameters | {
            name: self._names.resolve(self._client, action, ACTIONS[action].path, job.parameters[name], name)
            for name, action in job.spec.references.items()
            if name in job.parameters
        }
        attempt = self._attempt(job, latest)
        parameters["metadata"] = marked(parameters.get("metadata", {}), attempt, is_clear=self._rules.is_key_clear)
        connection = self._client.connection
        attempt = replace(
            attempt,
            path=job.spec.path,
            body=forms.encode(parameters).encode(),
            api_version=connection.api_version,
            stripe_account=connection.account,
            idempotency_key=job.identity.idempotency_key(attempt.attempt),
        )
        sent = self._sender.send(attempt, is_new=True)
        if sent.attempt.state in HAS_OBJECT:
            self._learn(job, str(sent.attempt.stripe_id))
        return outcome_of(sent)

    def _attempt(self, job: Job, latest: Attempt | None) -> Attempt:
        """The next attempt, which may be one that a person has opened."""
        if latest is not None and _is_opened(latest):
            return replace(latest, **_what(job))
        number = 1 if latest is None else latest.attempt + 1
        return Attempt(
            digest=job.identity.digest,
            attempt=number,
            state=State.INTENT,
            action=job.spec.name,
            account=job.identity.scope.account,
            mode=job.identity.scope.mode,
            **_whose(job),
            **_what(job),
        )

    def _learn(self, job: Job, stripe_id: str) -> None:
        if job.spec.name in REFERENCED:
            self._names.learn(job.spec.name, job.identity.source_key, stripe_id)


def own_lane(identity: Identity) -> str:
    """The lane of everything that is of one identity."""
    return identity.digest


def _is_opened(latest: Attempt | None) -> bool:
    return latest is not None and latest.state is State.OPENED


def _whose(job: Job) -> dict[str, Any]:  # Any: columns of the journal
    return {"source_name": job.identity.scope.source_name, "source_key": job.identity.source_key}


def _what(job: Job) -> dict[str, Any]:  # Any: as above
    return {"fingerprint": job.fingerprint, "accepted": job.checker.accepted}
