"""The outcome of a record: from the journal's row, or from what Stripe answered.

A row always gives the same words, so the rejects file reports each record once.
"""

from __future__ import annotations

from dataclasses import replace

from stripe_flow.api.commands import complete_commands, with_key
from stripe_flow.api.errors import Refusal
from target_stripe_flow.attempts.attempt import UNKNOWN_FINGERPRINT, Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.attempts.vocabulary import WORDS
from target_stripe_flow.execution.sender import Sent
from target_stripe_flow.results.outcome import Outcome, Status


def with_known_content(latest: Attempt, update: Attempt | None) -> Attempt:
    """The attempt; without its fingerprint if an earlier release emptied that because of an update."""
    is_erased = update is not None and update.attempt == latest.attempt and latest.fingerprint == UNKNOWN_FINGERPRINT
    return replace(latest, fingerprint=None) if is_erased else latest


def outcome_of_attempt(attempt: Attempt) -> Outcome:
    """The outcome of a record that an earlier attempt was made for. The attempt must not be one to send again."""
    # Parked once what its key made was found, and its record is rejected all the same.
    words = WORDS[State.CONFLICT if attempt.is_conflict else attempt.state]
    if words.again is None:
        raise AssertionError(f"a record whose attempt is {attempt.state.value} is sent")
    stripe_id = "" if attempt.is_conflict else attempt.stripe_id or ""
    reason = complete_commands(with_key(words.reason, attempt.key))
    return Outcome(status=words.again, stripe_id=stripe_id, reason=reason, refusal=_refusal_of(attempt))


def outcome_of_send(sent: Sent) -> Outcome:
    """The outcome of a record that this run sent."""
    attempt = sent.attempt
    if attempt.state is State.UPDATED:
        return Outcome(status=Status.UPDATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.CREATED and not sent.was_known:
        return Outcome(status=Status.CREATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.REFUSED:
        refusal = sent.refusal or Refusal(http_status=0)
        reason = f"Stripe refused it {refusal.words()}: fix what the code names and send it again"
        return Outcome(status=Status.REJECTED, field=refusal.param, reason=reason, refusal=refusal)
    return outcome_of_attempt(attempt)


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
