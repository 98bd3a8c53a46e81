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
from target_stripe_flow.results.refusal_codes import NOT_FINAL
from target_stripe_flow.results.refusal_codes import WORDS as WORDS_OF_CODES
from target_stripe_flow.results.text import shown_name

_FINAL = "That is final for this attempt; `stripe-flow journal retry KEY` orders another one"


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
    reason = _why_declined(attempt) if attempt.state is State.DECLINED else ""
    return Outcome(
        status=words.again,
        stripe_id=stripe_id,
        reason=complete_commands(with_key(reason or words.reason, attempt.key)),
        refusal=_refusal_of(attempt),
        is_conflict=attempt.is_conflict,
    )


def outcome_of_send(sent: Sent) -> Outcome:
    """The outcome of a record that this run sent."""
    attempt = sent.attempt
    if attempt.state is State.UPDATED:
        return Outcome(status=Status.UPDATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.CREATED and not sent.was_known:
        return Outcome(status=Status.CREATED, stripe_id=attempt.stripe_id or "")
    if attempt.state is State.REFUSED:
        refusal = sent.refusal or Refusal(http_status=0)
        return Outcome(status=Status.REJECTED, field=refusal.param, reason=describe_refusal(refusal), refusal=refusal)
    return outcome_of_attempt(attempt)


def describe_refusal(refusal: Refusal) -> str:
    """Why Stripe refused a write without effect, and what to do."""
    if words := WORDS_OF_CODES.get(refusal.code):
        return f"Stripe refused it {refusal.words()}: {words}. Then send it again"
    if refusal.param:
        return f"Stripe refused it {refusal.words()}: fix the field {shown_name(refusal.param)}, and send it again"
    where = (
        f"the list https://docs.stripe.com/error-codes explains {refusal.code}"
        if refusal.code
        else ("the Stripe dashboard shows the reason under this request (Developers, Logs)")
    )
    return f"Stripe refused it {refusal.words()}: {where}. Fix the record, and send it again"


def _why_declined(attempt: Attempt) -> str:
    """Stripe's reason in words, empty where it stated none."""
    code = attempt.decline_code or attempt.code or ""
    if not code:
        return ""
    words = WORDS_OF_CODES.get(code) or WORDS_OF_CODES.get(attempt.code or "")
    happened = "Stripe declined it" if attempt.code in NOT_FINAL else "the card was declined"
    return f"{happened} ({code}){f': {words}' if words else ''}. {_FINAL}"


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
