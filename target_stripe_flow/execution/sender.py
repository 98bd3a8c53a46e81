"""The only module that sends writes: it stores the intent before each request and the outcome after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from stripe_flow.api.client import Client
from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import (
    AccountTrouble,
    Declined,
    KeyRefused,
    KeyReused,
    NotSent,
    NoUsableAnswer,
    OutcomeUnknown,
    PermissionMissing,
    Refusal,
    RequestRefused,
    Stopped,
    StripeError,
    StripeFlowError,
)
from stripe_flow.api.message import Answer, Request
from target_stripe_flow.actions.money import money_of
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import UNKNOWN_FINGERPRINT, Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, HOUR_S, OPEN, Event, State, key_is_alive, next_step
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.refusal_codes import is_final

logger = logging.getLogger(__name__)

# If a run that is not in this journal used the key, its object is at most as old as a key can be.
UNKNOWN_PAST_S = 25 * HOUR_S

_EVENTS: tuple[tuple[type[StripeError], Event], ...] = (
    (Declined, Event.DECLINED),
    (KeyReused, Event.KEY_REUSED),
    (RequestRefused, Event.REFUSED),
    (OutcomeUnknown, Event.INDETERMINATE),
)

# In these states an id from Stripe's answer is better knowledge than the state.
_WEAKER_THAN_AN_ID = OPEN - {State.INTENT} | {State.NOT_CREATED}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The attempt after sending, and Stripe's refusal if there was one.

    `was_known`: Stripe had executed the key before, in a run that is not in this journal.
    """

    attempt: Attempt
    refusal: Refusal | None = None
    was_known: bool = False


class KeyTooOld(StripeFlowError):
    """Stripe may have forgotten the key, so the same bytes could create a second object."""


class Sender:
    """Sends attempts and writes their outcome to the journal. Safe to share between threads."""

    def __init__(self, client: Client, journal: Journal) -> None:
        self._client, self._journal = client, journal

    def send(self, attempt: Attempt, *, is_new: bool) -> Sent:
        """The attempt with its outcome, durable when this returns.

        `is_new`: this attempt was never sent before. If this request alone gets no usable answer, the attempt stays an
        intent, and the next run resends it. Raises the error that ends the run; the attempt is then not_sent, or still
        open for the next run. Raises Superseded if another process owns the attempt: it is not sent again.
        """
        if attempt.body is None:
            raise Superseded(f"{attempt.name} is settled already, so there is no request to send")
        clearance = _Clearance(self._journal, attempt, is_new=is_new)
        client = self._client.as_sent(attempt.stripe_account, str(attempt.api_version))
        request = Request(
            method="POST", path=str(attempt.path), body=attempt.body, idempotency_key=attempt.idempotency_key
        )
        try:
            answer = client.post(request, clearance, was_sent=not is_new)
        except NoUsableAnswer as error:
            if not clearance.was_granted:
                raise
            row = clearance.attempt  # its key may be a person's data
            logger.warning("%s:%s stays open: %s", row.action, row.digest, error)
            return Sent(attempt=clearance.attempt, refusal=error.refusal)
        except KeyTooOld:
            return Sent(attempt=self._settle(clearance.attempt, Event.KEY_TOO_OLD, reason="its key may be too old"))
        except (Declined, RequestRefused, OutcomeUnknown) as error:
            settled = self._settle(clearance.attempt, _event_of(error), **_facts(error))
            return Sent(attempt=settled, refusal=error.refusal)
        except StripeFlowError as error:
            self._note_not_executed(clearance, error)
            raise
        was_known = is_new and answer.is_replay and answer.sends == 1
        return Sent(attempt=self._settle_made(clearance.attempt, answer), was_known=was_known)

    def _settle_made(self, attempt: Attempt, answer: Answer[dict[str, object]]) -> Attempt:
        is_live = self._client.connection.key.mode is Mode.LIVE
        if answer.value.get("livemode", is_live) is not is_live:
            self._settle(attempt, Event.INDETERMINATE, reason="the answer is of the other mode than the API key")
            raise AccountTrouble(
                f"POST {attempt.path} was answered with an object of the other mode than the API key "
                f"(request {answer.request_id}). Check base_url and api_key before the next run"
            )
        stripe_id = answer.value.get("id")
        if not isinstance(stripe_id, str):
            reason = "the answer is a success without an id, so it is not Stripe's: check the setting base_url"
            return self._settle(attempt, Event.INDETERMINATE, reason=reason, request_id=answer.request_id)
        status, charge = (_text(answer.value.get(name)) for name in ("status", "latest_charge"))
        made = ACTIONS[attempt.action].endpoint_at(attempt.path).made(stripe_id, status, charge, money_of(answer.value))
        return self._settle(
            attempt,
            made.event,
            stripe_id=made.stripe_id,
            payment_intent=made.payment_intent,
            request_id=answer.request_id,
            settled_unix=answer.date_unix,
            **(made.money.columns() if made.money.is_known else {}),
        )

    def _note_not_executed(self, clearance: _Clearance, error: StripeFlowError) -> None:
        """Settle the attempt before the run ends, if it is certain that no send was executed."""
        if clearance.was_granted and not clearance.is_open and _is_without_effect(error):
            self._settle(clearance.attempt, Event.NOT_EXECUTED, **_facts(error))

    def _settle(self, attempt: Attempt, event: Event, **facts: Any) -> Attempt:  # Any: columns of the journal
        spec, ages = ACTIONS[attempt.action], attempt.ages(attempt.last_sent_unix or 0)
        state, _ = next_step(attempt.state, event, ages, moves_money=spec.moves_money, is_update=attempt.is_update)
        if event is Event.KEY_REUSED:
            facts |= {
                "first_sent_unix": (attempt.first_sent_unix or 0) - UNKNOWN_PAST_S,
                "fingerprint": UNKNOWN_FINGERPRINT,
            }
        if state in OPEN:
            facts.pop("settled_unix", None)
        else:
            facts = {"settled_unix": attempt.last_sent_unix} | facts | {"body": None}
        settled = replace(attempt, state=state, owner=None, **facts)
        try:
            self._journal.change(settled, was=attempt)
        except Superseded:
            self._prefer_id(settled)
            raise
        return settled

    def _prefer_id(self, settled: Attempt) -> None:
        """Another process took the row while this one waited for Stripe. It has the same answer, or has scanned for the
        marker; if its scan was incomplete or found nothing, the id from the answer here replaces what it wrote.
        """
        read = self._journal.latest_update if settled.is_update else self._journal.latest
        current = read(settled.digest)
        if settled.state not in HAS_OBJECT or current is None or current.marker != settled.marker:
            return
        if current.state not in _WEAKER_THAN_AN_ID or (taken := self._journal.take(current)) is None:
            return
        self._journal.change(settled, was=taken.attempt)


class _Clearance:
    """Permits each send only after the intent is durable: the client calls it before every send."""

    def __init__(self, journal: Journal, attempt: Attempt, *, is_new: bool) -> None:
        self.attempt = attempt
        self.was_granted = False
        self.is_open = not is_new  # whether a send before the last one may have been executed
        self._journal, self._is_new = journal, is_new
        self._has_row = not is_new or attempt.state is State.OPENED

    def __call__(self, now_unix: int, is_open: bool) -> None:  # noqa: FBT001  # the client's signature
        self.is_open = is_open or not self._is_new
        if self.is_open and not key_is_alive(self.attempt.ages(now_unix).key_s):
            raise KeyTooOld(f"the idempotency key of {self.attempt.name} is too old to be sent again")
        was, first = self.attempt, self.attempt.first_sent_unix if self.is_open else now_unix
        intent = replace(
            was,
            state=State.INTENT,
            first_sent_unix=first,
            last_sent_unix=now_unix,
            settled_unix=None,
            owner=self._journal.ownership.owner,
        )
        if self._has_row:
            self._journal.change(intent, was=was)
        else:
            self._journal.open_attempt(intent)
        self.attempt, self._has_row = intent, True
        # Last, as the write may have taken long: no other process may take the row while it is sent.
        self._journal.ownership.ensure_valid()
        self.was_granted = True


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _event_of(error: StripeError) -> Event:
    """A 402 that made no object and asked no bank is a refusal: the next record is the next attempt."""
    refusal = error.refusal
    if isinstance(error, Declined) and refusal is not None and not is_final(refusal):
        return Event.REFUSED
    return next(event for kind, event in _EVENTS if isinstance(error, kind))


def _is_without_effect(error: StripeFlowError) -> bool:
    """Whether the last send was certainly not executed: refused by the rate limit, or by Stripe for its API key."""
    if isinstance(error, KeyRefused | PermissionMissing):
        return error.refusal is not None and bool(error.refusal.type)
    return isinstance(error, NotSent) or (isinstance(error, Stopped) and not error.was_sent)


def _facts(error: StripeFlowError) -> dict[str, Any]:  # Any: columns of the journal
    """The refusal as columns of the journal; a declined charge has an id."""
    refusal = error.refusal if isinstance(error, StripeError) else None
    if refusal is None:
        return {}
    return {
        "http_status": refusal.http_status,
        "code": refusal.code or refusal.type or None,
        "decline_code": refusal.decline_code or None,
        "param": refusal.param or None,
        "request_id": refusal.request_id or None,
        "stripe_id": refusal.charge or None,
        "payment_intent": refusal.payment_intent or None,
    } | ({"settled_unix": refusal.date_unix} if refusal.date_unix else {})
