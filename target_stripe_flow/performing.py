"""Turns a checked record into a Stripe object, and what Stripe answers into an outcome."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from stripe_flow.api import forms
from stripe_flow.api.client import Answer, Client, Request
from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import (
    AccountTrouble,
    Declined,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Refusal,
    RequestRefused,
)
from target_stripe_flow.actions import ACTIONS, ActionSpec
from target_stripe_flow.identity import MARKER, Identity
from target_stripe_flow.names import Names, find, joined
from target_stripe_flow.outcome import Outcome, Place, Rejected

ATTEMPT = 1
# Only these are ever named by other records, so only their names are kept.
REFERENCED = {action for spec in ACTIONS.values() for action in spec.references.values()}
# So many orders for money that are all refused alike, with no parameter to blame and no success before, are no
# matter of records: this account may not do it.
ALIKE_REFUSALS = 5


@dataclass(frozen=True, kw_only=True)
class Job:
    """A record that may be sent: `parameters` are checked and picked."""

    spec: ActionSpec
    identity: Identity
    parameters: dict[str, Any]  # Any: JSON that the action's schema has checked

    @property
    def find_id(self) -> str | None:
        """The Stripe id of an object that exists and is only to be found."""
        return self.parameters.get(self.spec.find_by) if self.spec.find_by else None


class Performer:
    """Safe to share between threads; two jobs of one lane must not run at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.names = Names()
        self._closed = ClosedToCharging()

    def lanes(self, job: Job) -> list[str]:
        """What `job` must not overlap with: its own identity, and the objects that it names."""
        own = joined(job.identity.source_key)
        if job.find_id is not None:
            self.names.alias(job.spec.name, job.identity.source_key, job.find_id)
        named = [
            self.names.lane(action, job.parameters[name])
            for name, action in job.spec.references.items()
            if name in job.parameters
        ]
        return list(dict.fromkeys([self.names.lane(job.spec.name, own), *named]))

    def perform(self, job: Job) -> Outcome:
        """Do it. Raises AccountTrouble where no record could fare better."""
        try:
            return self._find(job, job.find_id) if job.find_id is not None else self._create(job)
        except Rejected as rejected:
            return rejected.outcome
        except Declined as error:
            return Outcome(place=Place.DECLINED, reason="the card was declined", refusal=error.refusal)
        except RequestRefused as error:
            return Outcome(place=Place.REJECTED, reason=str(error), field=_param(error.refusal), refusal=error.refusal)
        except OutcomeUnknown as error:
            return Outcome(place=Place.UNKNOWN, reason=str(error), refusal=error.refusal)

    def _find(self, job: Job, stripe_id: str) -> Outcome:
        find(self._client, job.spec.path, stripe_id, job.spec.find_by or "")
        self._learn(job, stripe_id)
        return Outcome(place=Place.FOUND, stripe_id=stripe_id)

    def _create(self, job: Job) -> Outcome:
        parameters = job.parameters | {
            name: self.names.resolve(self._client, action, ACTIONS[action].path, job.parameters[name], name)
            for name, action in job.spec.references.items()
            if name in job.parameters
        }
        parameters["metadata"] = parameters.get("metadata", {}) | {MARKER: job.identity.marker(ATTEMPT)}
        answer = self._post(job, forms.encode(parameters).encode())
        stripe_id = identified(answer, f"POST {job.spec.path}")
        self._check_mode(job, answer)
        self._learn(job, stripe_id)
        was_known = answer.is_replay and answer.sends == 1
        return Outcome(place=Place.UNCHANGED if was_known else Place.CREATED, stripe_id=stripe_id)

    def _post(self, job: Job, body: bytes) -> Answer[dict[str, object]]:
        key = job.identity.idempotency_key(ATTEMPT)
        try:
            answer = self._client.post(Request(method="POST", path=job.spec.path, body=body, idempotency_key=key))
        except Declined:
            self._closed.opened(job.spec)
            raise
        except RequestRefused as error:
            self._closed.refused(job, error)
            raise
        self._closed.opened(job.spec)
        return answer

    def _learn(self, job: Job, stripe_id: str) -> None:
        if job.spec.name in REFERENCED:
            self.names.learn(job.spec.name, job.identity.source_key, stripe_id)

    def _check_mode(self, job: Job, answer: Answer[dict[str, object]]) -> None:
        """Raises AccountTrouble where the answer is of the other mode: the key is not what its prefix says."""
        is_live = self._client.connection.key.mode is Mode.LIVE
        if answer.value.get("livemode", is_live) is not is_live:
            raise AccountTrouble(
                f"POST {job.spec.path} was answered by the other mode than the key's (request {answer.request_id}). "
                "Check base_url and api_key before anything else is sent"
            )


def identified(answer: Answer[dict[str, object]], request: str) -> str:
    """The id of the object that Stripe answered with. Raises OutcomeUnknown for an answer without one."""
    stripe_id = answer.value.get("id")
    if not isinstance(stripe_id, str):
        raise OutcomeUnknown(
            f"{request}: the answer is a success without an id, so it is not Stripe's (request {answer.request_id}). "
            "Check the setting base_url, and look in the Stripe dashboard before it is sent again"
        )
    return stripe_id


class ClosedToCharging:
    """Notices an account that may not create charges any more, before all records are rejected one by one.

    Stripe is withdrawing direct charge creation. https://docs.stripe.com/payments/charges-api
    """

    def __init__(self) -> None:
        self._refusals: dict[str, dict[str, tuple[int, str, str]]] = {}
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def opened(self, spec: ActionSpec) -> None:
        """Stripe has carried out such an order, or asked the card about it."""
        self._open.add(spec.name)

    def refused(self, job: Job, error: RequestRefused) -> None:
        """Raises AccountTrouble when five records were refused alike. A conflict or a wrong id blames its record."""
        spec, refusal = job.spec, error.refusal
        if spec.name in self._open or not spec.history or refusal is None or refusal.param:
            return
        if isinstance(error, (KeyReused, NotFound)):
            return
        with self._lock:
            alike = self._refusals.setdefault(spec.name, {})
            alike[job.identity.digest] = (refusal.status, refusal.type, refusal.code)
            is_closed = len(alike) >= ALIKE_REFUSALS and len(set(alike.values())) == 1
        if is_closed:
            raise AccountTrouble(
                f"this account may not create {spec.name}: the first {ALIKE_REFUSALS} were all refused alike "
                f"{refusal.words()}. Stripe is withdrawing direct charge creation; ask Stripe's support to allow it",
                refusal,
            )


def _param(refusal: Refusal | None) -> str:
    return refusal.param if refusal else ""
