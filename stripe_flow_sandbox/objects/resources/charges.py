"""Charges, their declines and their capture; https://docs.stripe.com/api/charges."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, integer, mapping
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.objects.declines import Decline
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.resource import Filter, Operation, Resource
from stripe_flow_sandbox.objects.resources.refunds import refunds_of, release
from stripe_flow_sandbox.objects.tokens import card_of, decline_of, token_of
from stripe_flow_sandbox.parameters.accepted import EXPAND, create_params, keep
from stripe_flow_sandbox.parameters.money import check_amount, currency_of
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply, fields
from stripe_flow_sandbox.state.space import Call, Space


def write_card(charge: Object, card: Object) -> None:
    """Write the card into all fields of a charge that show it."""
    write_payment_method(charge, method_of(card))
    charge["source"] = card


def write_payment_method(charge: Object, method: Object) -> None:
    """Write the payment method into all fields of a charge that show it."""
    kind = str(method["type"])
    by = mapping(method[kind])
    details = mapping(charge["payment_method_details"])
    if kind == "card":
        shown = mapping(details["card"])
        shown |= {name: by[name] for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding")}
        shown |= {"last4": by["last4"], "network": by["brand"], "amount_authorized": charge["amount"]}
        shown["overcapture"] = {"maximum_amount_capturable": charge["amount"], "status": "unavailable"}
    else:
        known = fields("charge")["payment_method_details"]["fields"][kind]["fields"]
        shown = {name: by.get(name) for name, field in known.items() if name in by or not field.get("optional")}
        charge["payment_method_details"] = {kind: shown, "type": kind}
    charge["payment_method"], charge["billing_details"] = method["id"], method["billing_details"]
    charge["calculated_statement_descriptor"] = charge["statement_descriptor"] or "SANDBOX"
    charge["outcome"] = _outcome("authorized", "approved_by_network", None, "Payment complete.")


def mark_failed(charge: Object, decline: Decline) -> None:
    """Write a decline into a charge."""
    charge |= {
        "status": "failed",
        "paid": False,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": _outcome(
            "issuer_declined",
            "declined_by_network",
            decline.decline_code,
            "The bank did not return any further details.",
        ),
    }


def mark_captured(charge: Object, amount: object, balance_transaction: str) -> None:
    """Write into a charge that `amount` was captured."""
    charge |= {"captured": True, "amount_captured": amount, "balance_transaction": balance_transaction}


def _outcome(kind: str, network_status: str, reason: str | None, seller_message: str) -> Object:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": seller_message,
        "type": kind,
    }


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


def _create(call: Call) -> Object:
    if not call.space.account.can_create_charges:
        raise invalid("This account cannot create payments with the Charges API. Use the Payment Intents API instead.")
    currency = currency_of(str(call.params["currency"]))
    amount = integer(call.params["amount"])
    check_amount(amount, currency, call.space.account.default_currency)
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
        mark_captured(made, amount, call.space.new_id("balance_transaction"))
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
        raise refuse("missing", param="source", customer=customer, source=wanted)
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
    expands={"customer": "customer", "payment_intent": "payment_intent"},
    includes={"refunds": _refunds},
)
