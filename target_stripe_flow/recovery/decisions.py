"""What a person may decide about an attempt: pure rules, row in, row out."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, WITHOUT_EFFECT, Ages, Event, State, next_step

_NOW = Ages(key_s=0, quiet_s=0)


def another_attempt(latest: Attempt) -> Attempt:
    """The next attempt, open for the next record of this key. Raises Misconfigured where there must not be one."""
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
    it = f"attempt {latest.attempt} is {latest.state.value}"
    if latest.state is State.OPENED:
        return f"{it}: it waits for the next record of this key already"
    if latest.state in WITHOUT_EFFECT:
        return f"{it}, so nothing stands in the way: the next record of this key is sent as it is"
    if latest.state in HAS_OBJECT:
        return f"{it} ({latest.stripe_id}): another attempt would make a second one. If that is meant, use a new key"
    return f"{it}: whether it happened is not known. Run `stripe-flow journal reconcile`, or decide with `settle`"


def settled(latest: Attempt, stripe_id: str | None, now_unix: int) -> Attempt:
    """As a person says it is: made, with this id, or not made (None). Raises Misconfigured.

    It is refused where there is no doubt, and where such an id is no object of this action.
    """
    if latest.state not in OPEN:
        raise Misconfigured(
            f"attempt {latest.attempt} is {latest.state.value}: only what is in doubt can be settled, and this is not"
        )
    prefixes = ACTIONS[latest.action].id_prefixes
    if stripe_id is not None and prefixes and not stripe_id.startswith(prefixes):
        raise Misconfigured(
            f"{stripe_id!r} is no id that {latest.action} have, which begins with {' or '.join(prefixes)}: copy "
            "the object's id from the dashboard"
        )
    event = Event.PERSON_SAID_NOT_CREATED if stripe_id is None else Event.PERSON_SAID_CREATED
    moves_money = ACTIONS[latest.action].moves_money
    state, _ = next_step(latest.state, event, _NOW, moves_money=moves_money, is_update=latest.is_update)
    return replace(
        latest,
        state=state,
        stripe_id=stripe_id,
        settled_unix=now_unix,
        body=None,
        reason="said by a person",
        owner=None,
    )


def may_be_forgotten(latest: Attempt) -> None:
    """Raises Misconfigured for an attempt of which it is not known whether it happened."""
    if latest.state in OPEN:
        raise Misconfigured(
            f"attempt {latest.attempt} is {latest.state.value}: what is in doubt must not be forgotten. "
            "Run `stripe-flow journal reconcile`, or decide with `settle`"
        )
