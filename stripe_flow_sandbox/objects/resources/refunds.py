"""Refunds, and their effect on the charge; https://docs.stripe.com/api/refunds."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, decode, integer
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.objects.movements import move
from stripe_flow_sandbox.objects.resource import Filter, Listing, Operation, Resource
from stripe_flow_sandbox.parameters.accepted import LIST, create_params, keep
from stripe_flow_sandbox.parameters.money import check_positive
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

# A charge shows at most this many of its refunds; https://docs.stripe.com/api/charges/object#charge_object-refunds
SHOWN = 10
_WRITTEN = ("instructions_email", "metadata", "reason")


def _create(call: Call) -> Object:
    if "charge" in call.params and "payment_intent" in call.params:
        raise refuse("parameters_exclusive", param="charge", params="charge, payment_intent")
    if "payment_intent" in call.params:
        intent = call.find("payment_intent", str(call.params["payment_intent"]), param="payment_intent")
        charge = call.space.find("charge", str(intent["latest_charge"]))
        if charge is None:
            raise _nothing_paid(str(intent["id"]))
        return _refund(call, charge)
    if "charge" not in call.params:
        raise refuse("parameter_missing", param="charge")
    return _refund(call, call.find("charge", str(call.params["charge"])))


def _create_of_charge(call: Call) -> Object:
    return _refund(call, call.find("charge", call.path_ids[0]))


def _nothing_paid(intent_id: str) -> Refusal:
    return invalid(f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.")


def _check_refundable(call: Call, charge: Object) -> None:
    """Raises Refusal (400) for a charge that cannot be refunded, or not with these parameters."""
    intent = charge["payment_intent"]
    # An uncaptured amount of a PaymentIntent is not refunded; canceling the PaymentIntent releases it.
    if intent is not None and not (charge["status"] == "succeeded" and charge["captured"]):
        raise _nothing_paid(str(intent))
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} was not paid, so it cannot be refunded.", param="charge")
    if call.params.get("reverse_transfer") and charge["transfer_data"] is None:
        raise invalid(f"Charge {charge['id']} has no transfer that could be reversed.", param="reverse_transfer")
    if call.params.get("refund_application_fee") and charge["application_fee_amount"] is None:
        raise invalid(f"Charge {charge['id']} has no application fee.", param="refund_application_fee")


def _refund(call: Call, charge: Object) -> Object:
    _check_refundable(call, charge)
    left = integer(charge["amount"]) - integer(charge["amount_refunded"])
    if left == 0:
        raise refuse("charge_already_refunded", id=charge["id"])
    amount = integer(call.params.get("amount", left))
    check_positive(amount, "amount")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    if amount < left and not charge["captured"]:
        raise invalid(
            f"Charge {charge['id']} is not captured, so only all of it can be refunded. Capture a part instead.",
            param="amount",
        )
    made = _give_back(call, charge, amount)
    if charge["captured"]:
        made["balance_transaction"] = move(call, made, -amount)["id"]
    apply(made, {name: call.params[name] for name in _WRITTEN if name in call.params})
    call.add(made, "refund.created")
    call.change(charge, "charge.refunded")
    return made


def _give_back(call: Call, charge: Object, amount: int) -> Object:
    """A new refund, not stored yet, that moves no money; adds its amount to `amount_refunded` of the charge."""
    charge["amount_refunded"] = integer(charge["amount_refunded"]) + amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return call.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
    )


def release(call: Call, charge: Object, amount: int) -> Object:
    """Refund the part of a charge that was authorised and not captured; returns the charge."""
    call.add(_give_back(call, charge, amount), "refund.created")
    return call.change(charge, "charge.refunded")


def refunds_of(space: Space, charge_id: str, now: int) -> Object:
    """The list of the newest refunds that a charge shows."""
    listing = _page_of_charge(space, {"limit": SHOWN}, now, charge_id)
    return {
        "object": "list",
        "data": [decode(body) for body in listing.bodies],
        "has_more": listing.has_more,
        "url": listing.url,
    }


def _page_of_charge(space: Space, params: Object, now: int, charge_id: str) -> Listing:
    return REFUNDS.page(space, params, now, {"charge": [charge_id]}, f"/v1/charges/{charge_id}/refunds")


def _list_of_charge(call: Call) -> Listing:
    charge = call.find("charge", call.path_ids[0])
    return _page_of_charge(call.space, call.params, call.now, str(charge["id"]))


def _retrieve_of_charge(call: Call) -> Object:
    found = REFUNDS.retrieve(call)
    if found["charge"] != call.path_ids[0]:
        raise refuse("resource_missing", param="id", noun="refund", id=call.path_ids[1], hint="")
    return found


_TEXT = Param(type="string")
_OF_CHARGE = "/v1/charges/{id}/refunds"

REFUNDS = Resource(
    noun="refund",
    path="/v1/refunds",
    # Stripe has one permission for charges and their refunds.
    permission="charge",
    filters={name: Filter(param=_TEXT, field=name) for name in ("charge", "payment_intent")},
    create=_create,
    create_params=create_params("refund"),
    update_params=keep("refund", "metadata", "expand"),
    updated_events=("refund.updated", "charge.refund.updated"),
)

CHARGE_REFUND_OPERATIONS = (
    Operation(method="GET", path=_OF_CHARGE, permission="charge", params=LIST, run=_list_of_charge),
    Operation(
        method="POST",
        path=_OF_CHARGE,
        permission="charge",
        params={name: param for name, param in create_params("refund").items() if name != "charge"},
        run=_create_of_charge,
    ),
    Operation(
        method="GET",
        path=_OF_CHARGE + "/{id}",
        permission="charge",
        params=keep("refund", "expand"),
        run=_retrieve_of_charge,
    ),
)
