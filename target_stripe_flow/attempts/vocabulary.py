"""The words for each state of an attempt: one source for the summary, the journal's commands and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.results.outcome import Status

# In the report: the next run sends the record again. A run's summary never has it.
TO_BE_SENT = "to be sent"

_UNDECIDED = "it is not known yet whether Stripe executed the request; a later run finds out"


@dataclass(frozen=True)
class Words:
    """Of one state.

    - `first` is the record's status in the run that brought its attempt into this state; None: TO_BE_SENT.
    - `again` is the status of the same record in a later run; None: the later run sends it.
    - `means` explains the state in whole sentences.
    - `reason` goes into the rejects file and into messages, as part of a sentence.
    """

    first: Status | None
    again: Status | None
    means: str
    reason: str = ""

    @property
    def status(self) -> str:
        return self.first.value if self.first else TO_BE_SENT


WORDS: Mapping[State, Words] = {
    State.INTENT: Words(
        Status.UNKNOWN, Status.UNKNOWN, "The request is in the journal and may have been sent.", _UNDECIDED
    ),
    State.CREATED: Words(Status.CREATED, Status.UNCHANGED, "Stripe created the object, and its id is known."),
    State.FOUND: Words(Status.FOUND, Status.UNCHANGED, "The object existed already, and its id is known."),
    State.UPDATED: Words(
        Status.UPDATED, Status.UNCHANGED, "Stripe applied the update. An update has a row of its own."
    ),
    State.DECLINED: Words(
        Status.DECLINED,
        Status.DECLINED,
        "Stripe reports the payment declined, or the refund failed or canceled. That is final for this attempt.",
        "the card was declined, or the refund failed, and that is final; `stripe-flow journal retry KEY` orders "
        "another attempt",
    ),
    State.PROCESSING: Words(
        Status.PENDING,
        Status.PENDING,
        "The object is at Stripe, and the bank has not decided. Bank debits and some refunds take days.",
    ),
    State.REQUIRES_ACTION: Words(
        Status.PENDING,
        Status.PENDING,
        "The object is at Stripe, and the customer has to act, for example confirm the payment with the bank.",
    ),
    State.REFUSED: Words(
        Status.REJECTED,
        None,
        "Stripe refused the request (400, 404, or a 402 for which no bank was asked). It had no effect.",
    ),
    State.NOT_SENT: Words(
        None,
        None,
        "Stripe executed nothing: each answer was a 429 or refused the key or its permissions, or the run ended first.",
    ),
    State.NOT_CREATED: Words(
        None,
        None,
        "Stripe did not execute the request: a complete scan, at least 24 hours after the last send, did not find "
        "its marker, or a person said so.",
    ),
    State.UNKNOWN: Words(
        Status.UNKNOWN,
        Status.UNKNOWN,
        "Stripe may have executed the request. It is not sent again; each run scans for its marker.",
        _UNDECIDED,
    ),
    State.PARKED: Words(
        Status.PARKED,
        Status.PARKED,
        "The request moves money, its outcome is not known, and a complete scan a day later did not find its "
        "marker. Or it was a conflict, and the object that its key made was found. It is not sent again until a person "
        "decides.",
        "a complete scan did not show whether money moved; `stripe-flow journal settle KEY --as created STRIPE_ID` or "
        "`stripe-flow journal settle KEY --as not-created` records your decision",
    ),
    State.CONFLICT: Words(
        Status.REJECTED,
        Status.REJECTED,
        "Stripe has seen the idempotency key with other bytes, in a run that this journal does not know. An "
        "object may exist; each run scans for its marker, and parks the attempt once it has found the object.",
        "its idempotency key was used before with other parameters, in a run that the journal does not know, perhaps "
        "of another project with the same source_name: give each source a source_name of its own, or the record a new "
        "key; `stripe-flow journal show KEY` shows the other run's object once a scan has found it, and `stripe-flow "
        "journal settle KEY --as created STRIPE_ID` or `stripe-flow journal settle KEY --as not-created` records your "
        "decision",
    ),
    State.OPENED: Words(None, None, "A person ordered another attempt. It waits for its record."),
}
