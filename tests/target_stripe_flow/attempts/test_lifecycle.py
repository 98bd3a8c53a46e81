"""The laws of the life cycle, over all states, events and ages."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.attempts.lifecycle import (
    ABSENT_AFTER_S,
    HAS_OBJECT,
    HOUR_S,
    KEY_LIFETIME_S,
    OPEN,
    SCAN_FROM_S,
    WITHOUT_EFFECT,
    Ages,
    Answer,
    Do,
    Event,
    Impossible,
    State,
    next_step,
    on_record,
)

CLOSED = set(State) - OPEN
ages = st.builds(
    Ages,
    key_s=st.integers(-10 * HOUR_S, 100 * HOUR_S),
    quiet_s=st.integers(-10 * HOUR_S, 100 * HOUR_S),
)
states, events = st.sampled_from(State), st.sampled_from(Event)


def after(state: State, event: Event, of: Ages, *, moves_money: bool) -> tuple[State, Do] | None:
    """The next state; None if the event is impossible in this state."""
    try:
        return next_step(state, event, of, moves_money=moves_money)
    except Impossible:
        return None


def test_every_state_is_open_or_closed_and_a_closed_one_has_an_object_or_not() -> None:
    assert HAS_OBJECT | WITHOUT_EFFECT | {State.DECLINED, State.OPENED} == CLOSED


@pytest.mark.promise("target 5", "Bytes are resent only while their idempotency key is certainly alive")
@given(states, ages, st.booleans())
def test_bytes_are_sent_again_only_while_their_key_is_surely_alive(state: State, of: Ages, moves_money: bool) -> None:  # noqa: FBT001
    _, do = next_step(state, Event.RUN_BEGAN, of, moves_money=moves_money)

    assert (do is Do.RESEND) == (state is State.INTENT and 0 <= of.key_s < KEY_LIFETIME_S)


@given(st.sampled_from(sorted(OPEN)), ages)
def test_an_open_attempt_is_never_left_alone_for_good(state: State, of: Ages) -> None:
    _, do = next_step(state, Event.RUN_BEGAN, of, moves_money=True)

    assert do is not Do.NOTHING or (state is State.UNKNOWN and of.quiet_s < SCAN_FROM_S)


@given(st.sampled_from(sorted(CLOSED)), events, ages, st.booleans())
def test_a_closed_attempt_stays_as_it_is(state: State, event: Event, of: Ages, moves_money: bool) -> None:  # noqa: FBT001
    # Except an attempt that a scan did not find and that Stripe then answers with an id.
    found = {(State.CREATED, Do.NOTHING)} if (state, event) == (State.NOT_CREATED, Event.SUCCEEDED) else set()
    assert after(state, event, of, moves_money=moves_money) in {None, (state, Do.NOTHING)} | found


@pytest.mark.promise("target 5", "An attempt that moves money is never given up without a person")
@given(states, events, ages)
def test_what_moves_money_is_never_given_up_by_itself(state: State, event: Event, of: Ages) -> None:
    """Another charge needs a person, or Stripe's answer that nothing was executed."""
    step = after(state, event, of, moves_money=True)

    if step is not None and state in OPEN and step[0] in WITHOUT_EFFECT:
        assert event in {Event.REFUSED, Event.NOT_EXECUTED, Event.PERSON_SAID_NOT_CREATED}


@given(st.sampled_from(sorted(OPEN)), ages, st.booleans())
def test_absence_counts_only_a_day_after_the_last_send(state: State, of: Ages, moves_money: bool) -> None:  # noqa: FBT001
    then, _ = next_step(state, Event.ABSENT, of, moves_money=moves_money)

    if of.quiet_s < ABSENT_AFTER_S:
        assert then == (State.UNKNOWN if state is State.INTENT else state)
    elif state in {State.INTENT, State.UNKNOWN}:
        assert then is (State.PARKED if moves_money else State.NOT_CREATED)
    else:
        assert then is state


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("moves_money", [False, True])
def test_an_incomplete_scan_never_counts_as_absent(state: State, *, moves_money: bool) -> None:
    old = Ages(key_s=1000 * HOUR_S, quiet_s=1000 * HOUR_S)

    assert next_step(state, Event.SCAN_INCOMPLETE, old, moves_money=moves_money) == (state, Do.NOTHING)


@pytest.mark.parametrize("state", sorted(OPEN - {State.CONFLICT}))
@pytest.mark.parametrize(("event", "then"), [(Event.SUCCEEDED, State.CREATED), (Event.DECLINED, State.DECLINED)])
def test_what_a_scan_finds_is_settled(state: State, event: Event, then: State) -> None:
    now = Ages(key_s=0, quiet_s=0)

    assert next_step(state, event, now, moves_money=True) == (then, Do.NOTHING)


@pytest.mark.promise("target 2", "Only a person settles a conflict")
@given(events, ages, st.sampled_from([State.CONFLICT, State.PARKED]), st.booleans(), st.booleans())
def test_only_a_person_settles_a_conflict(
    event: Event,
    of: Ages,
    state: State,
    moves_money: bool,  # noqa: FBT001
    is_update: bool,  # noqa: FBT001
) -> None:
    """Whatever a scan finds, it was made from other bytes."""
    try:
        then, _ = next_step(state, event, of, moves_money=moves_money, is_update=is_update, is_conflict=True)
    except Impossible:
        return

    is_by_person = event in {Event.PERSON_SAID_CREATED, Event.PERSON_SAID_NOT_CREATED}
    assert is_by_person == (then in CLOSED)
    assert is_by_person or then in {state, State.PARKED}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_the_life_cycle_answers_or_refuses_and_never_guesses(state: State, event: Event) -> None:
    step = after(state, event, Ages(key_s=0, quiet_s=0), moves_money=True)

    sent = {
        Event.REFUSED,
        Event.KEY_REUSED,
        Event.NOT_EXECUTED,
        Event.NO_ANSWER,
        Event.INDETERMINATE,
        Event.KEY_TOO_OLD,
    }
    is_found = state is State.NOT_CREATED and event is Event.SUCCEEDED
    is_possible = event is Event.RUN_BEGAN or state is State.INTENT or (state in OPEN and event not in sent) or is_found
    assert (step is not None) == is_possible


@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("is_same", [False, True])
def test_a_record_is_sent_only_where_stripe_has_and_will_have_no_object(state: State | None, *, is_same: bool) -> None:
    answer = on_record(state, is_same=is_same)

    is_sent = answer in {Answer.SEND, Answer.SEND_OPENED}
    assert is_sent == (state is None or state in WITHOUT_EFFECT | {State.OPENED})
    if not is_sent and state is not State.DECLINED:
        assert (answer is Answer.CHANGED) == (not is_same)
