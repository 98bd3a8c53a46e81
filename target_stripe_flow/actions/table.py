"""The table of actions: one entry for each stream that the target takes. Data only; one engine performs all actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from stripe_flow.api.paths import object_path
from target_stripe_flow.actions import payment_intents
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.attempts.lifecycle import Event


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """How the records of one stream become Stripe objects.

    `endpoints`: where its objects are created, the default first; `chosen_by`: the setting that names one of several.
    `omission_flags`: parameters without which Stripe takes all that is left, each with the member that a record needs
    to leave it out: `full: true` for a refund without `amount`.
    `references`: parameters that may hold a source key of another action, and that action.
    `inline_ids`: parameters of an object that is created besides, by their path, and that object's action.
    `find_by`: a record with this field creates nothing; it names an existing object by its Stripe id.
    `match_by`: the parameter that existing objects may be matched by, if a setting says so.
    `id_parameter`: the parameter that may take the source key as the object's id, if a setting says so.
    `moves_money`: an attempt that may have happened is never repeated automatically.
    `is_changeable`: `on_change` may ignore a changed record, or update its object.
    `id_prefixes`: how the ids of its objects begin; empty if an id may be any text.
    """

    name: str
    endpoints: Mapping[str, Endpoint]
    chosen_by: str | None = None
    omission_flags: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    inline_ids: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    find_by: str | None = None
    match_by: str | None = None
    id_parameter: str | None = None
    moves_money: bool = False
    is_changeable: bool = False
    id_prefixes: tuple[str, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The default endpoint."""
        return next(iter(self.endpoints.values()))

    @property
    def path(self) -> str:
        """The path of the default endpoint, under which its objects are read by id."""
        return self.endpoint.path

    def choose_endpoint(self, config: Mapping[str, object]) -> Endpoint:
        """The endpoint that the settings choose."""
        return self.endpoints[str(config[self.chosen_by])] if self.chosen_by else self.endpoint

    def may_have_id(self, text: str) -> bool:
        """Whether an object may have this id. No id names a path outside its list."""
        try:
            object_path(self.path, text)
        except ValueError:
            return False
        return not self.id_prefixes or (text.isascii() and text.replace("_", "").isalnum())

    def endpoint_at(self, path: str | None) -> Endpoint:
        """The endpoint that a request to `path` was sent to; the default endpoint for any other path."""
        return next((each for each in self.endpoints.values() if each.path == path), self.endpoint)

    def schema(self) -> dict[str, object]:
        """The JSON schema of its parameters, from `schemas/`; `x-reasons` has the messages for broken rules."""
        text = resources.files("target_stripe_flow.actions").joinpath("schemas", f"{self.name}.json").read_text("utf-8")
        schema: dict[str, object] = json.loads(text)
        return schema


# https://docs.stripe.com/payments/paymentintents/lifecycle
_INTENT_VERDICTS = {
    "processing": Event.PROCESSING,
    "requires_action": Event.REQUIRES_ACTION,
    "requires_payment_method": Event.DECLINED,
    "canceled": Event.DECLINED,
}

# https://docs.stripe.com/api/prices/list: only active ones by default. The list without a filter comes last: it shows a
# price that was activated between the other two. Prices that an invoice or a session made inline are in none of them,
# but no action makes those.
_ACTIVE_OR_NOT: tuple[Mapping[str, object], ...] = ({"active": True}, {"active": False}, {})

ACTIONS = {
    spec.name: spec
    for spec in (
        ActionSpec(
            name="customers",
            endpoints={
                "customers": Endpoint(
                    path="/v1/customers", permission="rak_customer_write", clock_parameter="test_clock"
                )
            },
            id_prefixes=("cus_",),
            find_by="stripe_id",
            match_by="email",
            is_changeable=True,
        ),
        ActionSpec(
            name="products",
            endpoints={"products": Endpoint(path="/v1/products", permission="rak_product_write")},
            id_parameter="id",
            is_changeable=True,
        ),
        ActionSpec(
            name="prices",
            endpoints={
                "prices": Endpoint(
                    path="/v1/prices",
                    permission="rak_plan_write",
                    list_filters=_ACTIVE_OR_NOT,
                    is_newest_first=False,
                )
            },
            id_prefixes=("price_", "plan_"),
            references={"product": "products"},
            inline_ids={("product_data", "id"): "products"},
        ),
        ActionSpec(
            name="charges",
            endpoints={
                "charges": Endpoint(
                    path="/v1/charges",
                    permission="rak_charge_write",
                    verdicts={"failed": Event.DECLINED, "pending": Event.PROCESSING},  # pending: a bank debit
                    advice="set charge_with to payment_intents",
                ),
                "payment_intents": Endpoint(
                    path="/v1/payment_intents",
                    permission="rak_payment_intent_write",
                    verdicts=_INTENT_VERDICTS,
                    translate=payment_intents.translate,
                    is_newest_first=False,
                    makes_intent=True,
                    advice="ask Stripe's support for the reason",
                ),
            },
            chosen_by="charge_with",
            id_prefixes=("ch_", "py_"),  # also of a PaymentIntent: the id of its charge
            references={"customer": "customers"},
            moves_money=True,
        ),
        ActionSpec(
            name="refunds",
            endpoints={
                "refunds": Endpoint(
                    path="/v1/refunds",
                    permission="rak_charge_write",
                    verdicts={
                        "failed": Event.DECLINED,
                        "canceled": Event.DECLINED,
                        "pending": Event.PROCESSING,
                        "requires_action": Event.REQUIRES_ACTION,
                    },
                )
            },
            id_prefixes=("re_", "pyr_", "py_"),
            omission_flags={"amount": "full"},
            references={"charge": "charges", "customer": "customers"},
            moves_money=True,
        ),
    )
}
