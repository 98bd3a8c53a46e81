"""The endpoints that create objects in Stripe, and how their answers are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from target_stripe_flow.actions.money import UNKNOWN, Money
from target_stripe_flow.attempts.lifecycle import Event

Parameters = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, kw_only=True)
class Made:
    """The result of an attempt, as its object shows it: event, ids of the object and its PaymentIntent, money moved."""

    event: Event
    stripe_id: str | None
    payment_intent: str | None = None
    money: Money = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A path that creates an object, and the permission that it needs.

    `verdicts` maps an object's `status` to the event of the attempt; every other status means SUCCEEDED. `translate`
    turns the parameters of a record into those of this path. `makes_intent`: the path creates a PaymentIntent, its
    charge is the object of the record, and the request must name a payment method. `advice` says what to do if Stripe
    refuses this endpoint to the account.

    What its list hides unless it is asked for: `list_filters` are the filters that together show every object, each in
    a request of its own; an object may be in several. `clock_parameter` puts a new object on a test clock, and filters
    the list by it. `is_newest_first`: Stripe documents the order of the list.
    """

    path: str
    permission: str
    verdicts: Mapping[str, Event] = field(default_factory=dict)
    translate: Callable[[Parameters], Parameters] = dict
    makes_intent: bool = False
    advice: str = ""
    list_filters: tuple[Mapping[str, object], ...] = ({},)
    clock_parameter: str | None = None
    is_newest_first: bool = True

    @property
    def object_type(self) -> str:
        """The type of its objects, as their member `object` names it: Stripe's lists have its plural."""
        return self.path.rpartition("/")[2].removesuffix("s")

    def object_id(self, stripe_id: str | None, payment_intent: str | None) -> str | None:
        """The id of the object that this path created; None if it is not known."""
        return payment_intent if self.makes_intent else stripe_id

    def made(self, object_id: str, status: str | None, latest_charge: str | None, money: Money = UNKNOWN) -> Made:
        """The result that an object with this id and status shows."""
        event = self.verdicts.get(status or "", Event.SUCCEEDED)
        if self.makes_intent:
            return Made(event=event, stripe_id=latest_charge, payment_intent=object_id, money=money)
        return Made(event=event, stripe_id=object_id, money=money)
