"""Captures of charges; https://docs.stripe.com/api/charges/capture."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, integer
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.objects.resources.charge_payment import mark_captured
from stripe_flow_sandbox.objects.resources.refunds import release
from stripe_flow_sandbox.parameters.accepted import EXPAND, keep
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call

# Parameters that a charge shows unchanged.
WRITTEN = (
    "application_fee_amount",
    "description",
    "metadata",
    "on_behalf_of",
    "radar_options",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def _capture(call: Call) -> Object:
    target = call.find("charge", call.path_ids[-1])
    if target["captured"] or target["status"] != "succeeded":
        raise refuse("charge_already_captured", id=target["id"])
    if target["payment_intent"] is not None:
        raise invalid(f"Charge {target['id']} belongs to a PaymentIntent. Capture {target['payment_intent']} instead.")
    whole = integer(target["amount"])
    amount = integer(call.params.get("amount", whole))
    if not 1 <= amount <= whole:
        raise invalid("The amount to capture must be from 1 to the amount of the charge.", param="amount")
    return capture(call, target, amount)


def capture(call: Call, target: Object, amount: int) -> Object:
    """The charge with `amount` captured and the rest refunded; parameters of the call are written into it."""
    apply(target, {name: value for name, value in call.params.items() if name in WRITTEN and name != "metadata"})
    mark_captured(target, amount, call.space.new_id("balance_transaction"))
    captured = call.change(target, "charge.captured")
    rest = integer(target["amount"]) - amount
    return release(call, captured, rest) if rest else captured


CAPTURE = Operation(
    method="POST",
    path="/v1/charges/{id}/capture",
    permission="charge",
    params={
        **keep(
            "charge",
            "amount",
            "application_fee",
            "application_fee_amount",
            "receipt_email",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ),
        **EXPAND,
    },
    run=_capture,
)
