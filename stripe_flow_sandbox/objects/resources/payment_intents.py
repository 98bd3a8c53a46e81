"""PaymentIntents; https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow_sandbox.answers.codec import Object, integer, mapping
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.resource import Filter, Operation, Resource
from stripe_flow_sandbox.objects.resources.attempts import pay
from stripe_flow_sandbox.objects.resources.charges import capture
from stripe_flow_sandbox.objects.resources.intent_params import (
    CANCEL,
    CAPTURE,
    CONFIRM,
    CREATE,
    UPDATE,
    WITH_CONFIRM_ONLY,
)
from stripe_flow_sandbox.objects.resources.method_types import CHOICES, choose_types, choose_types_again
from stripe_flow_sandbox.objects.resources.payable import check_payable
from stripe_flow_sandbox.objects.resources.payment_methods import keep_method, method_named, new_described_method
from stripe_flow_sandbox.objects.resources.refunds import release
from stripe_flow_sandbox.parameters.money import check_amount, check_least, currency_of
from stripe_flow_sandbox.parameters.params import Param, Params
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call

# `write_params` and `choose_types` write these; the others are copied.
_BY_HAND = frozenset({"payment_method", *CHOICES})


def write_params(call: Call, target: Object) -> Object | None:
    """Write the parameters into a PaymentIntent; returns the payment method that they name, not stored yet if new."""
    if "confirmation_token" in call.params:
        name = call.params["confirmation_token"]
        raise refuse(
            "resource_missing", status=400, param="confirmation_token", noun="confirmationtoken", id=name, hint=""
        )
    if call.params.get("customer") is not None:
        owner = call.find("customer", str(call.params["customer"]), param="customer")
        if owner.get("deleted"):
            raise refuse("resource_missing", status=400, param="customer", noun="customer", id=owner["id"], hint="")
    method = _named_method(call)
    apply(target, {name: value for name, value in call.params.items() if name not in _BY_HAND})
    target["currency"] = currency_of(str(target["currency"]))
    check_amount(integer(target["amount"]), str(target["currency"]))
    if method is not None:
        target |= {"payment_method": method["id"], "source": None, "status": "requires_confirmation"}
    return method


def _named_method(call: Call) -> Object | None:
    name, described = call.params.get("payment_method"), call.params.get("payment_method_data")
    if name is not None and described is not None:
        raise refuse("parameters_exclusive", param="payment_method", params="payment_method, payment_method_data")
    if described is not None:
        return new_described_method(call, mapping(described), "payment_method_data")
    return None if name is None else method_named(call, str(name), param="payment_method")


def default_source(call: Call, made: Object) -> Object | None:
    """The customer's default source as a payment method. Stripe never uses the default payment method here.

    https://docs.stripe.com/api/payment_intents/create#create_payment_intent-payment_method
    """
    owner = call.space.find("customer", str(made["customer"])) or {}
    card = call.space.card(str(owner.get("default_source")))
    if card is None:
        return None
    made["source"] = card["id"]
    return method_of(card)


def no_method(intent: Object) -> Refusal:
    """The refusal of a confirmation without a payment method."""
    how = (
        "You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    )
    how += "directly with a payment method or ConfirmationToken."
    if intent["customer"] is not None:
        how = f"To confirm the PaymentIntent with {intent['customer']}, specify a payment method attached to this "
        how += "customer along with the customer ID."
    said = f"You cannot confirm this PaymentIntent because it's missing a payment method. {how}"
    return refuse("payment_intent_unexpected_state", said=said)


_UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
# Parameters that Stripe still accepts once a payment is processing or done.
_ALWAYS_ACCEPTED = frozenset({"description", "expand", "metadata", "payment_details", "receipt_email", "shipping"})


def _create(call: Call) -> Object:
    is_confirmed = bool(call.params.get("confirm"))
    for name in () if is_confirmed else WITH_CONFIRM_ONLY:
        if name in call.params:
            raise invalid(f"`{name}` cannot be given unless `confirm` is true.", param=name)
    made = call.new("payment_intent")
    made["client_secret"] = f"{made['id']}_{call.space.new_id('secret')}"
    method = write_params(call, made)
    choose_types(call, made)
    if is_confirmed:
        method = method or default_source(call, made)
        if method is None:
            raise no_method(made)
        check_payable(call, made, method)
    if method is not None:
        keep_method(call, method)
    call.add(made, "payment_intent.created")
    return pay(call, made, method) if is_confirmed and method is not None else made


def _with_intent(run: Callable[[Call, Object], Object]) -> Callable[[Call], Object]:
    """An operation on one PaymentIntent; each of its errors shows the stored PaymentIntent."""

    def run_on_intent(call: Call) -> Object:
        intent = call.find("payment_intent", call.path_ids[0])
        try:
            return run(call, intent)
        except Refusal as refusal:
            stored = call.space.find("payment_intent", call.path_ids[0])
            raise Refusal(refusal.status, {**refusal.error, "payment_intent": stored}, refusal.headers) from None

    return run_on_intent


def _confirm(call: Call, intent: Object) -> Object:
    if intent["status"] not in _UNPAID:
        raise refuse(
            "payment_intent_unexpected_state",
            said=f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
        )
    method = write_params(call, intent)
    choose_types_again(call, intent)
    if method is None and intent["payment_method"] is not None:
        method = call.find("payment_method", str(intent["payment_method"]))
    if method is None:
        raise no_method(intent)
    check_payable(call, intent, method)
    return pay(call, intent, method)


def _capture(call: Call, intent: Object) -> Object:
    _check_status(intent, ("requires_capture",), "This PaymentIntent could not be captured", "captured")
    if call.params.get("final_capture") is False:
        raise invalid("This PaymentIntent cannot be captured more than once.", param="final_capture")
    most = integer(intent["amount_capturable"])
    amount = integer(call.params.get("amount_to_capture", most))
    if amount > most:
        raise refuse("amount_too_large", param="amount_to_capture", most=most)
    check_least(amount, str(intent["currency"]), "amount_to_capture")
    capture(call, call.find("charge", str(intent["latest_charge"])), amount)
    apply(intent, {name: value for name, value in call.params.items() if name != "payment_details"})
    intent |= {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
    return call.change(intent, "payment_intent.succeeded")


def _cancel(call: Call, intent: Object) -> Object:
    _check_status(intent, _CANCELABLE, "You cannot cancel this PaymentIntent", "canceled")
    charge = call.space.find("charge", str(intent["latest_charge"]))
    if charge is not None and intent["status"] == "requires_capture":
        release(call, charge, integer(intent["amount_capturable"]))
    elif charge is not None and intent["status"] == "processing":
        call.change(charge | {"status": "failed", "failure_message": "The payment was canceled."}, "charge.failed")
    intent |= {
        "amount_capturable": 0,
        "canceled_at": call.now,
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
        "status": "canceled",
    }
    return call.change(intent, "payment_intent.canceled")


def _check_status(intent: Object, accepted: tuple[str, ...], refused: str, done: str) -> None:
    if intent["status"] not in accepted:
        said = f"{refused} because it has a status of {intent['status']}. Only a PaymentIntent with one of the "
        said += f"following statuses may be {done}: {', '.join(accepted)}."
        raise refuse("payment_intent_unexpected_state", said=said)


def _update(call: Call, intent: Object) -> Object:
    locked = [name for name in call.params if name not in _ALWAYS_ACCEPTED]
    if locked and intent["status"] not in _UNPAID:
        said = f"This PaymentIntent's {locked[0]} could not be updated because it has a status of {intent['status']}. "
        said += f"You may only update the {locked[0]} of a PaymentIntent with one of the following statuses: "
        raise refuse("payment_intent_unexpected_state", param=locked[0], said=said + ", ".join(_UNPAID) + ".")
    method = write_params(call, intent)
    choose_types_again(call, intent)
    if method is not None:
        keep_method(call, method)
    # Stripe has no event for an update: https://docs.stripe.com/api/events/types
    return call.change(intent)


_PERMISSION = "payment_intent"
_ONE = "/v1/payment_intents/{id}"

PAYMENT_INTENTS = Resource(
    noun="payment_intent",
    path="/v1/payment_intents",
    permission=_PERMISSION,
    filters={"customer": Filter(param=Param(type="string"), field="customer")},
    create=_create,
    create_params=CREATE,
)

_STEPS: Mapping[str, tuple[Callable[[Call, Object], Object], Params]] = {
    "": (_update, UPDATE),
    "/confirm": (_confirm, CONFIRM),
    "/capture": (_capture, CAPTURE),
    "/cancel": (_cancel, CANCEL),
}

INTENT_OPERATIONS = tuple(
    Operation(method="POST", path=_ONE + step, permission=_PERMISSION, params=params, run=_with_intent(run))
    for step, (run, params) in _STEPS.items()
)
