"""Charges, their declines and their capture; https://docs.stripe.com/api/charges."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, integer
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.objects.charge_fields import mark_captured, mark_failed, write_card, write_descriptor
from stripe_flow_sandbox.objects.movements import move
from stripe_flow_sandbox.objects.resource import Filter, Operation, Resource
from stripe_flow_sandbox.objects.resources.refunds import refunds_of, release
from stripe_flow_sandbox.objects.tokens import card_of, decline_of, token_of
from stripe_flow_sandbox.parameters.accepted import EXPAND, create_params, keep
from stripe_flow_sandbox.parameters.money import check_amount, check_least, currency_of
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

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
    target = call.find("charge", call.path_ids[-1], in_path="charge")
    if target["refunded"]:
        raise refuse("charge_already_refunded", id=target["id"])
    if target["captured"] or target["status"] != "succeeded":
        raise refuse("charge_already_captured", id=target["id"])
    if target["payment_intent"] is not None:
        raise invalid(f"Charge {target['id']} belongs to a PaymentIntent. Capture {target['payment_intent']} instead.")
    whole = integer(target["amount"])
    amount = integer(call.params.get("amount", whole))
    if amount > whole:
        raise invalid("The amount to capture must be at most the amount of the charge.", param="amount")
    check_least(amount, str(target["currency"]), "amount")
    return capture(call, target, amount)


def capture(call: Call, target: Object, amount: int) -> Object:
    """The charge with `amount` captured and the rest refunded; parameters of the call are written into it."""
    apply(target, {name: value for name, value in call.params.items() if name in WRITTEN and name != "metadata"})
    write_descriptor(target)
    mark_captured(target, amount, move(call, target, amount)["id"])
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


def _create(call: Call) -> Object:
    if not call.space.account.can_create_charges:
        raise invalid("This account cannot create payments with the Charges API. Use the Payment Intents API instead.")
    currency = currency_of(str(call.params["currency"]))
    amount = integer(call.params["amount"])
    check_amount(amount, currency)
    card = _card(call)
    made = call.new("charge", amount=amount, currency=currency, customer=call.params.get("customer"))
    apply(made, {name: call.params[name] for name in WRITTEN if name in call.params})
    write_card(made, card)
    decline = decline_of(card)
    if decline is not None:
        mark_failed(made, decline)
        call.add(made, "charge.failed")
        raise decline.refusal(str(made["id"]))
    if call.params.get("capture", True):
        mark_captured(made, amount, move(call, made, amount)["id"])
    else:
        made["captured"] = False
    return call.add(made, "charge.succeeded")


def _card(call: Call) -> Object:
    """The card to charge: a token's, a saved one of the customer, or the customer's default."""
    source, customer = call.params.get("source"), call.params.get("customer")
    if customer is None:
        if source is None:
            raise _neither_source_nor_customer()
        return card_of(call, token_of(str(source)))
    owner = call.find("customer", str(customer), param="customer")
    if owner.get("deleted"):
        raise refuse("resource_missing", status=400, param="customer", noun="customer", id=customer, hint="")
    wanted = owner["default_source"] if source is None else source
    if wanted is None:
        raise Refusal(
            402,
            {
                "code": "missing",
                "message": "Cannot charge a customer that has no active card",
                "param": "customer",
                "type": "card_error",
            },
        )
    card = call.space.card(str(wanted))
    if card is None or card["customer"] != customer:
        raise refuse("missing", status=404, param="source", customer=customer, source=wanted)
    return card


def _neither_source_nor_customer() -> Refusal:
    refusal = refuse("parameter_missing", param="source")
    refusal.error["message"] = "Must provide source or customer."
    del refusal.error["param"]
    return refusal


def _update(call: Call, target: Object) -> None:
    customer = call.params.get("customer")
    if customer is not None:
        if target["customer"] is not None:
            raise invalid("You cannot change the customer of a charge that has one.", param="customer")
        call.find("customer", str(customer), param="customer")
    apply(target, call.params)


def _refunds(space: Space, charge: Object, now: int) -> Object:
    return refunds_of(space, str(charge["id"]), now)


_TEXT = Param(type="string")

CHARGES = Resource(
    noun="charge",
    path="/v1/charges",
    permission="charge",
    filters={name: Filter(param=_TEXT, field=name) for name in ("customer", "payment_intent", "transfer_group")},
    create=_create,
    create_params=create_params("charge"),
    update=_update,
    update_params={
        **keep(
            "charge", "customer", "description", "expand", "metadata", "receipt_email", "shipping", "transfer_group"
        ),
        "fraud_details": Param(
            type="object", fields={"user_report": Param(type="string", enum=("fraudulent", "safe"), can_unset=True)}
        ),
    },
    updated_events=("charge.updated",),
    includes={"refunds": _refunds},
)
