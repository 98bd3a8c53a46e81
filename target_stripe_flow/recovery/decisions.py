"""The decisions that a person may make about an attempt. Pure rules: row in, row out."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, WITHOUT_EFFECT, Ages, Event, State, next_step
from target_stripe_flow.attempts.shown_key import shown_object_id

_NOW = Ages(key_s=0, quiet_s=0)


def next_attempt(latest: Attempt) -> Attempt:
    """Another attempt after a declined one, for the next record of this key. Raises Misconfigured in other states."""
    if latest.state is State.DECLINED:
        return Attempt(
            digest=latest.digest,
            attempt=latest.attempt + 1,
            account=latest.account,
            mode=latest.mode,
            action=latest.action,
            source_name=latest.source_name,
            source_key=latest.source_key,
            state=State.OPENED,
            reason="ordered by a person",
        )
    raise Misconfigured(_why_not(latest))


def _why_not(latest: Attempt) -> str:
    state = f"attempt {latest.attempt} is {latest.state.value}"
    if latest.state is State.OPENED:
        return f"{state}: it waits for the next record of this key already"
    if latest.state in WITHOUT_EFFECT:
        return f"{state}, so no retry is needed: the next record of this key is sent anyway"
    if latest.state in HAS_OBJECT:
        return (
            f"{state} ({shown_object_id(latest.stripe_id)}): another attempt would create a second object. To create "
            "one, use a new key"
        )
    if latest.is_conflict:
        return (
            f"{state}: another run used its idempotency key. Give the source a source_name of its own, or decide with "
            f"{_settle(latest)}"
        )
    return f"{state}: its outcome is not known. Run `stripe-flow journal reconcile`, or {_settle(latest)}"


def _settle(row: Attempt) -> str:
    """The commands by which a person settles the attempt."""
    settle = f"stripe-flow journal settle {row.key} --as"
    return f"`{settle} created STRIPE_ID` or `{settle} not-created`"


def settle_attempt(latest: Attempt, stripe_id: str | None, now_unix: int | None) -> Attempt:
    """The attempt as a person settles it: created with this id, or not created (None).

    The object of a conflict was made from other values. A person who takes it takes the next record of the key as its
    content, as after a rebuild.
    `now_unix` is Stripe's time, None if it was not asked for.
    Raises Misconfigured if the attempt is settled already, or if the id is not of an object of this action.
    """
    if latest.state not in OPEN:
        raise Misconfigured(f"attempt {latest.attempt} is {latest.state.value}: only an open attempt can be settled")
    prefixes = ACTIONS[latest.action].id_prefixes
    if stripe_id is not None and prefixes and not stripe_id.startswith(prefixes):
        raise Misconfigured(
            f"{stripe_id!r} is not an id of {latest.action}, which begins with {' or '.join(prefixes)}: copy the "
            "object's id from the Stripe dashboard"
        )
    event = Event.PERSON_SAID_NOT_CREATED if stripe_id is None else Event.PERSON_SAID_CREATED
    moves_money = ACTIONS[latest.action].moves_money
    state, _ = next_step(latest.state, event, _NOW, moves_money=moves_money, is_update=latest.is_update)
    return replace(
        latest,
        state=state,
        fingerprint=None if latest.is_conflict else latest.fingerprint,
        stripe_id=stripe_id,
        settled_unix=now_unix,
        body=None,
        reason="settled by a person",
        owner=None,
    )


def check_forgettable(latest: Attempt) -> None:
    """Raises Misconfigured for an open attempt: its outcome is not known yet."""
    if latest.state in OPEN:
        raise Misconfigured(
            f"attempt {latest.attempt} is {latest.state.value}: an open attempt must not be forgotten. "
            f"Run `stripe-flow journal reconcile`, or {_settle(latest)}"
        )
