"""Where things are made at Stripe, and how what Stripe says of them is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from target_stripe_flow.actions.money import UNKNOWN, Money
from target_stripe_flow.attempts.lifecycle import Event

Parameters = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Made:
    """What an object of Stripe's says of an attempt: what became of it, the thing's id, its PaymentIntent's, and how
    much money it moves.
    """

    event: Event
    stripe_id: str | None
    payment_intent: str | None = None
    money: Money = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A path that creates, and the right that it needs.

    `verdicts` says what an object's `status` means for the attempt; any other means that it was made. `translate`
    turns the parameters of a record into those of this path. `makes_intent`: what is made is a PaymentIntent, and the
    thing is its charge; then whoever pays has to be named, and `advice` is what to do where the account is not let in.
    """

    path: str
    permission: str
    verdicts: Mapping[str, Event] = field(default_factory=dict)
    translate: Callable[[Parameters], Parameters] = dict
    makes_intent: bool = False
    advice: str = ""

    def made(self, object_id: str, status: str | None, latest_charge: str | None, money: Money = UNKNOWN) -> Made:
        """Read off an object with this id and status."""
        event = self.verdicts.get(status or "", Event.SUCCEEDED)
        if self.makes_intent:
            return Made(event=event, stripe_id=latest_charge, payment_intent=object_id, money=money)
        return Made(event=event, stripe_id=object_id, money=money)
