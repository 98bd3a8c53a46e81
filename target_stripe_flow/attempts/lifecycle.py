"""The life of one attempt, as pure functions: (state, what happened, ages) → (next state, what to do).

    a record ──► INTENT ──► CREATED        what Stripe answered, or what a look found
                   │   ├──► DECLINED       the card said no, and that is final
                   │   ├──► PROCESSING     the bank takes its time: looked at on every run
                   │   ├──► REQUIRES_ACTION    the customer has to do something: likewise
                   │   ├──► REFUSED        refused without effect: the next record is the next attempt
                   │   ├──► NOT_SENT       nothing was executed: likewise
                   │   ├──► CONFLICT       its key had been used with other bytes: a run that this journal does not know
                   │   └──► UNKNOWN        it may have happened: look, never resend
                   │           ├──► NOT_CREATED   looked a day later, and it is not there: the next record tries again
                   │           └──► PARKED        the same of what moves money: a person decides
                   └─ while its key is surely alive: resend the same bytes

Nothing here reads a clock or a disk. Ages are seconds of Stripe's time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

HOUR_S = 3600
# Stripe may forget an idempotency key once it is 24 hours old, and the same bytes are then a new order.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIFETIME_S = 23 * HOUR_S
# What a 500 has begun is over by then, and visible in lists.
SCAN_FROM_S = 10 * 60
# No key lives that long after its last send, so what is not there by then will not come.
ABSENT_AFTER_S = 24 * HOUR_S


class State(enum.StrEnum):
    OPENED = "opened"  # a person has ordered another attempt; it waits for the record
    INTENT = "intent"  # durable, and perhaps on its way
    UNKNOWN = "unknown"  # it may have happened; to be looked at
    PROCESSING = "processing"  # it is at Stripe, and the bank has not decided yet
    REQUIRES_ACTION = "requires_action"  # it is at Stripe, and waits for the customer
    PARKED = "parked"  # it moves money, and nobody but a person can tell
    CONFLICT = "conflict"  # the key was used before with other bytes
    CREATED = "created"
    UPDATED = "updated"
    FOUND = "found"  # an object that was there already, found by its id
    DECLINED = "declined"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    NOT_CREATED = "not_created"


class Event(enum.StrEnum):
    RUN_BEGAN = "a run begins"
    SUCCEEDED = "Stripe made it"
    DECLINED = "the card said no"
    PROCESSING = "the bank takes its time"
    REQUIRES_ACTION = "the customer has to act"
    REFUSED = "refused without effect"
    KEY_REUSED = "the key was used with other bytes"
    NOT_EXECUTED = "no send was executed"
    NO_ANSWER = "no answer that decides"
    INDETERMINATE = "failed, perhaps with effect"
    KEY_TOO_OLD = "the key may be forgotten"
    ABSENT = "a whole look did not find it"
    SCAN_INCOMPLETE = "a look was cut off"
    PERSON_SAID_CREATED = "a person says it was made"
    PERSON_SAID_NOT_CREATED = "a person says it was not made"


class Do(enum.StrEnum):
    NOTHING = "nothing"
    RESEND = "resend the same bytes"
    LOOK = "look for its marker"


@dataclass(frozen=True, kw_only=True)
class Ages:
    """Seconds since the first and the last send; negative where Stripe's clock was before them."""

    key_s: float
    quiet_s: float


class Impossible(Exception):
    """An event that cannot happen in this state: refused, not guessed."""


# The states that still need something; a run looks at them before it reads any input.
OPEN = frozenset({State.INTENT, State.UNKNOWN, State.PROCESSING, State.REQUIRES_ACTION, State.PARKED, State.CONFLICT})
# It is at Stripe, and not over.
PENDING = frozenset({State.PROCESSING, State.REQUIRES_ACTION})
# Whatever became of it, nothing is or will be at Stripe: the next record is the next attempt.
WITHOUT_EFFECT = frozenset({State.REFUSED, State.NOT_SENT, State.NOT_CREATED})
# There is an object, and its id is known.
HAS_OBJECT = frozenset({State.CREATED, State.UPDATED, State.FOUND})
# What only a person or a look can decide.
_DOUBTFUL = OPEN - {State.INTENT}

# What becomes of an intent that was sent, besides.
_SENT = {
    Event.REFUSED: State.REFUSED,
    Event.KEY_REUSED: State.CONFLICT,
    Event.NOT_EXECUTED: State.NOT_SENT,
    Event.NO_ANSWER: State.INTENT,
    Event.INDETERMINATE: State.UNKNOWN,
    Event.KEY_TOO_OLD: State.UNKNOWN,
}
# What becomes of an open attempt, whichever it is: Stripe's answer to it, a look, or a person says so.
_TOLD = {
    Event.SUCCEEDED: State.CREATED,
    Event.DECLINED: State.DECLINED,
    Event.PROCESSING: State.PROCESSING,
    Event.REQUIRES_ACTION: State.REQUIRES_ACTION,
    Event.PERSON_SAID_CREATED: State.CREATED,
    Event.PERSON_SAID_NOT_CREATED: State.NOT_CREATED,
}


def key_is_alive(age_s: float) -> bool:
    """Whether Stripe surely still knows a key of this age; a negative age is no age."""
    return 0 <= age_s < KEY_LIFETIME_S


def next_step(
    state: State, event: Event, ages: Ages, *, moves_money: bool, is_update: bool = False
) -> tuple[State, Do]:
    """The life cycle, of an attempt to create or of one to update what was created. Raises Impossible."""
    if event is Event.RUN_BEGAN:
        return state, _on_begin(state, ages)
    if state is State.INTENT and event in _SENT:
        return _SENT[event], Do.NOTHING
    # What was given up may still be told by an answer that reached a process which had slept longer than a look waits.
    if event in _TOLD and (state in OPEN or (state is State.NOT_CREATED and event is Event.SUCCEEDED)):
        told = _TOLD[event]
        return State.UPDATED if is_update and told is State.CREATED else told, Do.NOTHING
    if state in OPEN and event is Event.SCAN_INCOMPLETE:
        return state, Do.NOTHING
    if state in OPEN and event is Event.ABSENT:
        return _on_absence(state, ages, moves_money=moves_money), Do.NOTHING
    raise Impossible(f"{state.name} and {event.name}")


def _on_begin(state: State, ages: Ages) -> Do:
    if state is State.INTENT:
        return Do.RESEND if key_is_alive(ages.key_s) else Do.LOOK
    if state is State.UNKNOWN:
        return Do.LOOK if ages.quiet_s >= SCAN_FROM_S else Do.NOTHING
    return Do.LOOK if state in _DOUBTFUL else Do.NOTHING


def _on_absence(state: State, ages: Ages, *, moves_money: bool) -> State:
    if state in PENDING | {State.PARKED, State.CONFLICT}:
        return state
    if ages.quiet_s < ABSENT_AFTER_S:
        return State.UNKNOWN
    return State.PARKED if moves_money else State.NOT_CREATED


class Answer(enum.Enum):
    """What to do with a record whose identity the journal knows."""

    SEND = "send it, as the next attempt"
    SEND_OPENED = "send it, as the attempt that a person opened"
    KNOWN = "nothing: it stands where its attempt stands"
    CHANGED = "it is not the record that was sent"


def on_record(state: State | None, *, is_same: bool) -> Answer:
    """For a record that comes (again): `state` is that of its identity's latest attempt, None if there is none.

    `is_same` says whether the record is the one that was sent. What was declined stays so, changed or not: another
    attempt is another decision.
    """
    if state is None or state in WITHOUT_EFFECT:
        return Answer.SEND
    if state is State.OPENED:
        return Answer.SEND_OPENED
    if is_same or state is State.DECLINED:
        return Answer.KNOWN
    return Answer.CHANGED
