"""The parameters of each PaymentIntent call; https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow_sandbox.objects.resources.method_types import FIXED
from stripe_flow_sandbox.objects.resources.payment_methods import CARD
from stripe_flow_sandbox.parameters.accepted import EXPAND, create_params, keep, update_params
from stripe_flow_sandbox.parameters.params import Param, Params

# Stripe refuses these in a call that does not confirm the PaymentIntent.
WITH_CONFIRM_ONLY = ("error_on_requires_action", "mandate", "mandate_data", "off_session", "return_url")


_TYPES = Param(type="array", items=Param(type="string"))


def _accepted() -> Params:
    """The client's types, with cards by token and the parameter `payment_method_types` of older versions."""
    created = create_params("payment_intent")
    data = created["payment_method_data"]
    fields = data.fields or {}
    kind = fields["type"]
    cards = replace(data, fields={**fields, "card": CARD, "type": replace(kind, enum=(*kind.enum, "card"))})
    return {**created, "payment_method_data": cards, FIXED: _TYPES}


CREATE = _accepted()
_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_NOT_LATER = (
    "automatic_payment_methods",
    "confirm",
    "confirmation_method",
    "confirmation_token",
    "mandate",
    "radar_options",
    "on_behalf_of",
    "use_stripe_sdk",
    *WITH_CONFIRM_ONLY,
)
_AT_CONFIRM = (
    "allowed_payment_method_types",
    "capture_method",
    "confirmation_token",
    "error_on_requires_action",
    "excluded_payment_method_types",
    "mandate",
    "mandate_data",
    "off_session",
    "payment_details",
    "payment_method",
    "payment_method_options",
    "radar_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "use_stripe_sdk",
)
_AT_CAPTURE = (
    "amount_details",
    "application_fee_amount",
    "metadata",
    "payment_details",
    "statement_descriptor",
    "statement_descriptor_suffix",
)
_DATA = {name: CREATE[name] for name in ("payment_method_data", FIXED)}

UPDATE = update_params("payment_intent", drop=_NOT_LATER, add=_DATA, unset=("application_fee_amount", "shipping"))

CONFIRM: Params = {**keep("payment_intent", *_AT_CONFIRM), **_DATA, **EXPAND}

CAPTURE: Params = {
    **keep("payment_intent", *_AT_CAPTURE),
    "amount_to_capture": Param(type="integer"),
    "final_capture": Param(type="boolean"),
    "transfer_data": Param(type="object", fields={"amount": Param(type="integer")}),
    **EXPAND,
}

CANCEL: Params = {"cancellation_reason": Param(type="string", enum=_REASONS), **EXPAND}
