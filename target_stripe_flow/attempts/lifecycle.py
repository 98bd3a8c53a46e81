"""The life of one attempt, as pure functions: (state, event, ages) → (next state, what to do).

`docs/exactly-once.md` has the diagram and the tables; `scripts/generate_lifecycle.py` writes them from this module.
Nothing here reads a clock or a disk. Ages are seconds of Stripe's time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

HOUR_S = 3600
# Stripe may forget an idempotency key once it is 24 hours old, and the same bytes are then a new order.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIFETIME_S = 23 * HOUR_S
# A request that ended in a 500 has finished by then, and its object is visible in lists.
SCAN_FROM_S = 10 * 60
# No key lives that long after its last send, so an object that is not listed by then will not appear.
ABSENT_AFTER_S = 24 * HOUR_S


class State(enum.StrEnum):
    """The state of an attempt, as the journal's column `state` holds it; `vocabulary` explains each."""

    OPENED = "opened"
    INTENT = "intent"
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    PARKED = "parked"
    CONFLICT = "conflict"
    CREATED = "created"
    UPDATED = "updated"
    FOUND = "found"
    DECLINED = "declined"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    NOT_CREATED = "not_created"


class Event(enum.StrEnum):
    """What happened to an attempt."""

    RUN_BEGAN = "a run begins"
    SUCCEEDED = "Stripe created or updated the object"
    DECLINED = "the card was declined"
    PROCESSING = "the bank has not decided"
    REQUIRES_ACTION = "the customer has to act"
    REFUSED = "Stripe refused the request without effect"
    KEY_REUSED = "the idempotency key was used with other bytes"
    NOT_EXECUTED = "Stripe executed no send"
    NO_ANSWER = "no usable answer"
    INDETERMINATE = "a failure, perhaps with effect"
    KEY_TOO_OLD = "Stripe may have forgotten the key"
    ABSENT = "a complete scan did not find the marker"
    SCAN_INCOMPLETE = "a scan was incomplete"
    PERSON_SAID_CREATED = "a person settles it as created"
    PERSON_SAID_NOT_CREATED = "a person settles it as not created"


class Do(enum.StrEnum):
    """What the run does next."""

    NOTHING = "nothing"
    RESEND = "resend the same bytes"
    SCAN = "scan for its marker"


@dataclass(frozen=True, kw_only=True)
class Ages:
    """Seconds since the first send (`key_s`) and the last send (`quiet_s`); negative if Stripe's clock was before."""

    key_s: float
    quiet_s: float


class Impossible(Exception):
    """An event that cannot happen in this state."""


# A run reconciles attempts in these states before it reads any input.
OPEN = frozenset({State.INTENT, State.UNKNOWN, State.PROCESSING, State.REQUIRES_ACTION, State.PARKED, State.CONFLICT})
# The object is at Stripe and its outcome is not final.
PENDING = frozenset({State.PROCESSING, State.REQUIRES_ACTION})
# Stripe has no object and will have none: the next record is the next attempt.
WITHOUT_EFFECT = frozenset({State.REFUSED, State.NOT_SENT, State.NOT_CREATED})
# The object exists and its id is known.
HAS_OBJECT = frozenset({State.CREATED, State.UPDATED, State.FOUND})
# Only a person can decide, whatever a scan finds.
FOR_A_PERSON = frozenset({State.PARKED, State.CONFLICT})
# Only a scan or a person can decide.
_DOUBTFUL = OPEN - {State.INTENT}

# Of an intent that was sent.
_SENT = {
    Event.REFUSED: State.REFUSED,
    Event.KEY_REUSED: State.CONFLICT,
    Event.NOT_EXECUTED: State.NOT_SENT,
    Event.NO_ANSWER: State.INTENT,
    Event.INDETERMINATE: State.UNKNOWN,
    Event.KEY_TOO_OLD: State.UNKNOWN,
}
# Of any open attempt: by Stripe's answer, a scan or a person.
_RESOLVED = {
    Event.SUCCEEDED: State.CREATED,
    Event.DECLINED: State.DECLINED,
    Event.PROCESSING: State.PROCESSING,
    Event.REQUIRES_ACTION: State.REQUIRES_ACTION,
    Event.PERSON_SAID_CREATED: State.CREATED,
    Event.PERSON_SAID_NOT_CREATED: State.NOT_CREATED,
}
# An object was found.
_FOUND = frozenset({Event.SUCCEEDED, Event.DECLINED, Event.PROCESSING, Event.REQUIRES_ACTION})


def key_is_alive(age_s: float) -> bool:
    """Whether Stripe surely still knows an idempotency key of this age. A negative age counts as dead."""
    return 0 <= age_s < KEY_LIFETIME_S


def next_step(
    state: State,
    event: Event,
    ages: Ages,
    *,
    moves_money: bool,
    is_update: bool = False,
    is_conflict: bool = False,
) -> tuple[State, Do]:
    """The next state and what to do, of an attempt to create or (`is_update`) to update. Raises Impossible.

    `is_conflict`: the idempotency key was used with other bytes, so what a scan finds was not made from this record.
    """
    if event is Event.RUN_BEGAN:
        return state, _on_begin(state, ages)
    if state is State.INTENT and event in _SENT:
        return _SENT[event], Do.NOTHING
    if event in _FOUND and (state is State.CONFLICT or (state is State.PARKED and is_conflict)):
        return State.PARKED, Do.NOTHING
    # A process that was suspended for longer than a scan waits may hold an answer to an attempt that was given up.
    if event in _RESOLVED and (state in OPEN or (state is State.NOT_CREATED and event is Event.SUCCEEDED)):
        resolved = _RESOLVED[event]
        return State.UPDATED if is_update and resolved is State.CREATED else resolved, Do.NOTHING
    if state in OPEN and event is Event.SCAN_INCOMPLETE:
        return state, Do.NOTHING
    if state in OPEN and event is Event.ABSENT:
        return _on_absence(state, ages, moves_money=moves_money), Do.NOTHING
    raise Impossible(f"{state.name} and {event.name}")


def _on_begin(state: State, ages: Ages) -> Do:
    if state is State.INTENT:
        return Do.RESEND if key_is_alive(ages.key_s) else Do.SCAN
    if state is State.UNKNOWN:
        return Do.SCAN if ages.quiet_s >= SCAN_FROM_S else Do.NOTHING
    return Do.SCAN if state in _DOUBTFUL else Do.NOTHING


def _on_absence(state: State, ages: Ages, *, moves_money: bool) -> State:
    if state in PENDING | {State.PARKED, State.CONFLICT}:
        return state
    if ages.quiet_s < ABSENT_AFTER_S:
        return State.UNKNOWN
    return State.PARKED if moves_money else State.NOT_CREATED


class Answer(enum.Enum):
    """What to do with a record whose identity the journal knows."""

    SEND = "send it, as the next attempt"
    SEND_OPENED = "send it, as the attempt that a person ordered"
    KNOWN = "send nothing: its attempt's outcome is its outcome"
    CHANGED = "it differs from the record that was sent"


def on_record(state: State | None, *, is_same: bool) -> Answer:
    """What to do with a record; `state` is that of its identity's latest attempt, None if there is none.

    `is_same`: the record equals the one that was sent. A declined record stays declined, changed or not, until a
    person orders another attempt.
    """
    if state is None or state in WITHOUT_EFFECT:
        return Answer.SEND
    if state is State.OPENED:
        return Answer.SEND_OPENED
    if is_same or state is State.DECLINED:
        return Answer.KNOWN
    return Answer.CHANGED
