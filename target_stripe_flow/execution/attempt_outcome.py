"""Where a record stands, in words: a journal row, or what came of sending it → its outcome.

The words of a row are the same whenever it is looked at, so that the rejects file tells each thing once.
"""

from __future__ import annotations

from stripe_flow.api.errors import Refusal
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import UNKNOWN_FINGERPRINT, Sent
from target_stripe_flow.results.outcome import Outcome, Status

_DECLINED = "the card was declined, and that is final; `stripe-flow journal retry` orders another attempt"
_KEY_REUSED = (
    "its idempotency key was used before with other parameters, in a run that the journal does not know: give "
    "it a new key if it is a new thing; `stripe-flow journal show` tells what that run made, once it is found"
)
_UNDECIDED = "whether it happened is not known yet; a later run finds out"
_PARKED = "whether it happened cannot be found out; `stripe-flow journal settle` takes a person's word"

_STANDING: dict[State, tuple[Status, str]] = {
    State.CREATED: (Status.UNCHANGED, ""),
    State.UPDATED: (Status.UNCHANGED, ""),
    State.FOUND: (Status.UNCHANGED, ""),
    State.DECLINED: (Status.DECLINED, _DECLINED),
    State.CONFLICT: (Status.REJECTED, _KEY_REUSED),
    State.PROCESSING: (Status.PENDING, ""),
    State.REQUIRES_ACTION: (Status.PENDING, ""),
    State.INTENT: (Status.UNKNOWN, _UNDECIDED),
    State.UNKNOWN: (Status.UNKNOWN, _UNDECIDED),
    State.PARKED: (Status.PARKED, _PARKED),
}


def outcome_of_attempt(attempt: Attempt) -> Outcome:
    """The place of a record whose attempt was made before."""
    status, reason = _STANDING[attempt.state]
    return Outcome(status=status, stripe_id=attempt.stripe_id or "", reason=reason, refusal=_refusal_of(attempt))


def outcome_of(sent: Sent) -> Outcome:
    """The place of a record that was sent just now."""
    attempt = sent.attempt
    if attempt.state is State.UPDATED:
        return Outcome(status=Status.UPDATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.CREATED and not sent.was_known:
        return Outcome(status=Status.CREATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.REFUSED:
        refusal = sent.refusal or Refusal(http_status=0)
        reason = f"Stripe refused it {refusal.words()}: mend what the code names and send it again"
        return Outcome(status=Status.REJECTED, field=refusal.param, reason=reason, refusal=refusal)
    return outcome_of_attempt(attempt)


def conflict(attempt: Attempt) -> Outcome:
    """The record has changed since its attempt was sent, or since a run that the journal does not know."""
    if attempt.state is State.CONFLICT or attempt.fingerprint == UNKNOWN_FINGERPRINT:
        return Outcome(status=Status.REJECTED, reason=_KEY_REUSED, refusal=_refusal_of(attempt))
    made = f" ({attempt.stripe_id})" if attempt.stripe_id else ""
    reason = f"it differs from what was sent under the same key before{made}: give it a new key if it is a new thing"
    return Outcome(status=Status.REJECTED, reason=reason)


def _refusal_of(attempt: Attempt) -> Refusal | None:
    if attempt.http_status is None:
        return None
    return Refusal(
        http_status=attempt.http_status,
        request_id=attempt.request_id or "",
        code=attempt.code or "",
        decline_code=attempt.decline_code or "",
        param=attempt.param or "",
    )
