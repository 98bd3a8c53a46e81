"""The words for each state of an attempt: one source for the summary, the journal's commands and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.results.outcome import Status

# In the report and in `journal show`: the next run sends the record again. A run's summary never has it.
TO_BE_SENT = "to be sent"

_UNDECIDED = "it is not known yet whether Stripe executed the request; a later run finds out"


@dataclass(frozen=True, kw_only=True)
class Words:
    """Of one state.

    - `status` is the record's status in the run that brought its attempt into this state, or TO_BE_SENT.
    - `again` is the status of the same record in a later run; None: the later run sends it.
    - `means` explains the state in whole sentences; `later` says what a later run does with the record.
    - `reason` goes into the rejects file and into messages, as part of a sentence.
    """

    status: str
    again: Status | None
    means: str
    later: str
    reason: str = ""


WORDS: Mapping[State, Words] = {
    State.INTENT: Words(
        status=Status.UNKNOWN.value,
        again=Status.UNKNOWN,
        means="The request is in the journal and may have been sent.",
        later="Each run reconciles it before it reads any input.",
        reason=_UNDECIDED,
    ),
    State.CREATED: Words(
        status=Status.CREATED.value,
        again=Status.UNCHANGED,
        means="Stripe created the object, and its id is known.",
        later="`unchanged`. A changed charge, refund or price is rejected as a conflict; a changed customer or product "
        "follows `on_change`.",
    ),
    State.FOUND: Words(
        status=Status.FOUND.value,
        again=Status.UNCHANGED,
        means="The object existed already, and its id is known.",
        later="As for `created`.",
    ),
    State.UPDATED: Words(
        status=Status.UPDATED.value,
        again=Status.UNCHANGED,
        means="Stripe applied the update. An update has a row of its own.",
        later="The row that created the object decides.",
    ),
    State.DECLINED: Words(
        status=Status.DECLINED.value,
        again=Status.DECLINED,
        means="The card or the bank declined the payment. That is final for this attempt.",
        later="`declined`, until `stripe-flow journal retry` orders another attempt.",
        reason="the card was declined, and that is final; `stripe-flow journal retry` orders another attempt",
    ),
    State.PROCESSING: Words(
        status=Status.PENDING.value,
        again=Status.PENDING,
        means="The object is at Stripe, and the bank has not decided. A bank debit takes days.",
        later="`pending` (exit code 3); each run checks whether the bank has decided.",
    ),
    State.REQUIRES_ACTION: Words(
        status=Status.PENDING.value,
        again=Status.PENDING,
        means="The object is at Stripe, and the customer has to act, for example confirm the payment with the bank.",
        later="`pending` (exit code 3); each run checks whether the customer has acted.",
    ),
    State.REFUSED: Words(
        status=Status.REJECTED.value,
        again=None,
        means="Stripe refused the request (400 or 404). It had no effect.",
        later="The record is sent as the next attempt.",
    ),
    State.NOT_SENT: Words(
        status=TO_BE_SENT,
        again=None,
        means="Stripe executed nothing: it answered every send with 429, or refused the API key.",
        later="The record is sent as the next attempt.",
    ),
    State.NOT_CREATED: Words(
        status=TO_BE_SENT,
        again=None,
        means="The object does not exist at Stripe: a complete scan, at least 24 hours after the last send, did not "
        "find it, or a person said so.",
        later="The record is sent as the next attempt.",
    ),
    State.UNKNOWN: Words(
        status=Status.UNKNOWN.value,
        again=Status.UNKNOWN,
        means="Stripe may have executed the request. It is not sent again; each run scans for its marker.",
        later="`unknown` (exit code 3), until a scan has decided.",
        reason=_UNDECIDED,
    ),
    State.PARKED: Words(
        status=Status.PARKED.value,
        again=Status.PARKED,
        means="The request moves money and got no answer, and a complete scan a day later did not find its marker. It "
        "is not sent again until a person decides.",
        later="`parked` (exit code 3), until a person decides with `stripe-flow journal settle`.",
        reason="a complete scan did not show whether money moved; `stripe-flow journal settle` records your decision",
    ),
    State.CONFLICT: Words(
        status=Status.REJECTED.value,
        again=Status.REJECTED,
        means="Stripe has seen the idempotency key with other bytes, in a run that this journal does not know. An "
        "object may exist; each run scans for its marker.",
        later="`rejected`, also after a scan has found the other run's object.",
        reason="its idempotency key was used before with other parameters, in a run that the journal does not know: if "
        "the record is new, give it a new key; `stripe-flow journal show` shows the other run's object once a scan has "
        "found it",
    ),
    State.OPENED: Words(
        status=TO_BE_SENT,
        again=None,
        means="A person ordered another attempt. It waits for its record.",
        later="The record is sent as this attempt.",
    ),
}
