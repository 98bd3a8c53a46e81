"""One attempt to pay a PaymentIntent: the charge that it creates, and its result.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stripe_flow_sandbox.answers.codec import Object, integer
from stripe_flow_sandbox.answers.errors import Refusal
from stripe_flow_sandbox.objects.charge_fields import mark_captured, mark_failed, write_payment_method
from stripe_flow_sandbox.objects.debits import ChargeResult
from stripe_flow_sandbox.objects.declines import AUTHENTICATION_REQUIRED, Decline
from stripe_flow_sandbox.objects.methods import charge_result_of
from stripe_flow_sandbox.objects.movements import move
from stripe_flow_sandbox.objects.resources.payable import is_off_session
from stripe_flow_sandbox.objects.resources.payment_methods import attach, keep_method, spend
from stripe_flow_sandbox.state.space import Call

# Fields that a new charge copies from its PaymentIntent; later changes of one do not reach the other.
_COPIED = (
    "application_fee_amount",
    "currency",
    "customer",
    "description",
    "metadata",
    "on_behalf_of",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)

# https://docs.stripe.com/payments/without-card-authentication
NOT_HANDLED = replace(AUTHENTICATION_REQUIRED, decline_code="authentication_not_handled")


def pay(call: Call, intent: Object, method: Object) -> Object:
    """The PaymentIntent after an attempt to pay it. Raises Refusal (402) for a decline; its failed charge stays."""
    keep_method(call, method)
    intent |= {"last_payment_error": None, "next_action": None}
    result = charge_result_of(method)
    if result.needs_authentication:
        return _require_action(call, intent, method)
    charge = _new_charge(call, intent, method)
    intent["latest_charge"] = charge["id"]
    _use_up(call, intent, method)
    if result.settles_after_s != 0:
        return _start_processing(call, intent, charge, result)
    if result.decline is not None:
        mark_failed(charge, result.decline)
        call.add(charge, "charge.failed")
        raise _declined(call, intent, method, result.decline, charge)
    call.add(charge)
    return _succeed(call, intent, charge)


def _use_up(call: Call, intent: Object, method: Object) -> None:
    """Spend a payment method without a customer, or attach it if `setup_future_usage` asks for that."""
    if method["customer"] is not None:
        return
    if intent["customer"] is not None and intent["setup_future_usage"] is not None:
        attach(call, method, str(intent["customer"]))
    else:
        spend(call.space, method)


def _require_action(call: Call, intent: Object, method: Object) -> Object:
    """The bank asks for authentication: `requires_action`, or a decline if the call cannot handle an action."""
    if is_off_session(call):
        raise _declined(call, intent, method, AUTHENTICATION_REQUIRED)
    if call.params.get("error_on_requires_action"):
        raise _declined(call, intent, method, NOT_HANDLED)
    return_url = call.params.get("return_url")
    redirect = {"return_url": return_url, "url": f"https://hooks.stripe.com/redirect/authenticate/{intent['id']}"}
    action = "redirect_to_url" if return_url else "use_stripe_sdk"
    intent["next_action"] = {"type": action, action: redirect if return_url else {}}
    intent["status"] = "requires_action"
    return call.change(intent, "payment_intent.requires_action")


def _new_charge(call: Call, intent: Object, method: Object) -> Object:
    made = call.new("charge", amount=intent["amount"], payment_intent=intent["id"])
    made |= {name: intent[name] for name in _COPIED}
    transfer = intent["transfer_data"]
    if isinstance(transfer, dict):
        made["transfer_data"] = {name: transfer.get(name) for name in ("amount", "destination")}
    radar = call.params.get("radar_options")
    if isinstance(radar, dict):
        made["radar_options"] = {"session": radar.get("session")}
    write_payment_method(made, method)
    if intent["source"] is not None:
        made["source"] = call.space.card(str(intent["source"]))
    return made


def _succeed(call: Call, intent: Object, charge: Object) -> Object:
    """The charge succeeds; with `capture_method=manual` its amount is only authorised."""
    amount = integer(intent["amount"])
    charge |= {"status": "succeeded", "paid": True}
    if intent["capture_method"] == "manual":
        charge["captured"] = False
        call.change(charge, "charge.succeeded")
        intent |= {"status": "requires_capture", "amount_capturable": amount}
        return call.change(intent, "payment_intent.amount_capturable_updated")
    mark_captured(charge, amount, move(call, charge, amount)["id"])
    call.change(charge, "charge.succeeded")
    intent |= {"status": "succeeded", "amount_received": amount}
    return call.change(intent, "payment_intent.succeeded")


def _start_processing(call: Call, intent: Object, charge: Object, result: ChargeResult) -> Object:
    """Start a debit: it stays `processing` until the sandbox's clock reaches the bank's answer."""
    charge |= {"status": "pending", "paid": False}
    call.add(charge, "charge.pending")
    intent["status"] = "processing"
    if result.settles_after_s is not None:
        call.space.plan(
            call.now + result.settles_after_s, _bank_answer(str(intent["id"]), str(charge["id"]), result.decline)
        )
    return call.change(intent, "payment_intent.processing")


def _bank_answer(intent_id: str, charge_id: str, decline: Decline | None) -> Callable[[Call], None]:
    """The action of the bank's answer; it does nothing if the PaymentIntent was canceled meanwhile."""

    def run(call: Call) -> None:
        intent, charge = call.find("payment_intent", intent_id), call.find("charge", charge_id)
        if intent["status"] != "processing":
            return
        if decline is None:
            _succeed(call, intent, charge)
            return
        mark_failed(charge, decline)
        call.change(charge, "charge.failed")
        method = call.find("payment_method", str(charge["payment_method"]))
        _declined(call, intent, method, decline, charge)

    return run


def _declined(call: Call, intent: Object, method: Object, decline: Decline, charge: Object | None = None) -> Refusal:
    """The error of a decline, which is written into its PaymentIntent first."""
    refusal = decline.refusal(None if charge is None else str(charge["id"]))
    refusal.error["payment_method"] = method
    intent |= {
        "last_payment_error": dict(refusal.error),
        "payment_method": None,
        "source": None,
        "status": "requires_payment_method",
    }
    refusal.error["payment_intent"] = call.change(intent, "payment_intent.payment_failed")
    return refusal
