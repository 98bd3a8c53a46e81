"""The actions: what a row of each stream becomes at Stripe, one entry each. Data only; the target treats them alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from target_stripe_flow.actions import payment_intents
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.attempts.lifecycle import Event


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """How the records of one stream are turned into Stripe objects.

    `ways` are the paths that make them, the first one by default; where there are several, `chosen_by` is the setting
    that names one. `said_by` names parameters without which Stripe takes all there is, each with the member by which a
    record says that it means that: `full: true` for a refund without `amount`. `references` names parameters that may
    hold a source key of another action. A record with the field `find_by` creates nothing: it names an existing object
    by its Stripe id. `match_by` is the parameter that an existing object may be matched by, `key_as` the one that can
    hold the source key itself, where a setting says so. What `moves_money` is never tried again by itself once it may
    have happened. `is_changeable`: a changed record may be told to pass, or to update its object. `id_prefixes` are
    what the ids of its objects begin with, none where an id may be anything.
    """

    name: str
    ways: Mapping[str, Endpoint]
    chosen_by: str | None = None
    said_by: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    find_by: str | None = None
    match_by: str | None = None
    key_as: str | None = None
    moves_money: bool = False
    is_changeable: bool = False
    id_prefixes: tuple[str, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The way by default."""
        return next(iter(self.ways.values()))

    @property
    def path(self) -> str:
        """Where its objects are read by their id."""
        return self.endpoint.path

    def way(self, config: Mapping[str, object]) -> Endpoint:
        """The one that the settings choose."""
        return self.ways[str(config[self.chosen_by])] if self.chosen_by else self.endpoint

    def way_of(self, path: str | None) -> Endpoint:
        """The one that a request went to."""
        return next((way for way in self.ways.values() if way.path == path), self.endpoint)

    def schema(self) -> dict[str, object]:
        """What Stripe accepts for it, as JSON schema with reasons in words, from `schemas/`."""
        text = resources.files("target_stripe_flow.actions").joinpath("schemas", f"{self.name}.json").read_text("utf-8")
        found: dict[str, object] = json.loads(text)
        return found


# https://docs.stripe.com/payments/paymentintents/lifecycle
_INTENT_VERDICTS = {
    "processing": Event.PROCESSING,
    "requires_action": Event.REQUIRES_ACTION,
    "requires_payment_method": Event.DECLINED,
    "canceled": Event.DECLINED,
}

ACTIONS = {
    spec.name: spec
    for spec in (
        ActionSpec(
            name="customers",
            ways={"customers": Endpoint(path="/v1/customers", permission="rak_customer_write")},
            id_prefixes=("cus_",),
            find_by="stripe_id",
            match_by="email",
            is_changeable=True,
        ),
        ActionSpec(
            name="products",
            ways={"products": Endpoint(path="/v1/products", permission="rak_product_write")},
            key_as="id",
            is_changeable=True,
        ),
        ActionSpec(
            name="prices",
            ways={"prices": Endpoint(path="/v1/prices", permission="rak_plan_write")},
            id_prefixes=("price_", "plan_"),
            references={"product": "products"},
        ),
        ActionSpec(
            name="charges",
            ways={
                "charges": Endpoint(
                    path="/v1/charges",
                    permission="rak_charge_write",
                    verdicts={"failed": Event.DECLINED},
                    advice="set charge_with to payment_intents",
                ),
                "payment_intents": Endpoint(
                    path="/v1/payment_intents",
                    permission="rak_payment_intent_write",
                    verdicts=_INTENT_VERDICTS,
                    translate=payment_intents.translate,
                    makes_intent=True,
                    advice="Stripe's support may say why",
                ),
            },
            chosen_by="charge_with",
            id_prefixes=("ch_", "py_"),  # of a PaymentIntent its charge
            references={"customer": "customers"},
            moves_money=True,
        ),
        ActionSpec(
            name="refunds",
            ways={
                "refunds": Endpoint(
                    path="/v1/refunds",
                    permission="rak_charge_write",
                    verdicts={
                        "failed": Event.DECLINED,
                        "canceled": Event.DECLINED,
                        "requires_action": Event.REQUIRES_ACTION,
                    },
                )
            },
            id_prefixes=("re_", "pyr_", "py_"),
            said_by={"amount": "full"},
            references={"charge": "charges", "customer": "customers"},
            moves_money=True,
        ),
    )
}
