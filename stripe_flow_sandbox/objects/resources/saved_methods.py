"""How a payment method is made, kept, attached and spent."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.methods import TEST_NAMES, can_be_saved, named_method, new_method
from stripe_flow_sandbox.objects.tokens import card_of, token_of
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

WRITTEN = ("allow_redisplay", "billing_details", "metadata")

_SPENT = "is_spent"


def described_method(call: Call, described: Object, path: str = "") -> Object:
    """A new payment method, not kept yet, of what a request says about it; cards come as tokens only."""
    if described["type"] != "card":
        raise invalid("The sandbox makes payment methods of other types by their test names.", param=f"{path}type")
    param = f"{path}card" if not path else f"{path}[card]"
    card = described.get("card")
    if not isinstance(card, dict) or "token" not in card:
        # Numbers do not belong here, as they do not at Stripe without an attestation of its kind.
        raise refuse("parameter_missing", param=f"{param}[token]")
    made = new_method(call, card_of(call, token_of(str(card["token"]), param=f"{param}[token]")))
    apply(made, {name: described[name] for name in WRITTEN if name in described})
    return made


def method_called(call: Call, name: str, *, param: str | None = None) -> Object:
    """The payment method of this id, or a new one, not kept yet, for a test name. Raises Refusal for any other text."""
    if name in TEST_NAMES:
        return named_method(call, name)
    return call.find("payment_method", name, param=param)


def keep_method(call: Call, method: Object) -> None:
    """Keep a payment method that is new."""
    if call.space["payment_method"].body(str(method["id"])) is None:
        call.add(method)


def is_spent(space: Space, method: Object) -> bool:
    """Whether it has paid without a customer or was taken from one: then nobody can pay with it again."""
    return bool(space.beside.get(str(method["id"]), {}).get(_SPENT))


def spend(space: Space, method: Object) -> None:
    """See `is_spent`."""
    space.beside[str(method["id"])] = {_SPENT: True}


def check_attachable(call: Call, method: Object, customer: str) -> None:
    """Raises Refusal if this customer cannot have the payment method: 402 for a card that says no."""
    if method["customer"] not in (None, customer):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if is_spent(call.space, method):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    decline = can_be_saved(method)
    if decline is not None:
        raise decline.refusal()


def attach(call: Call, method: Object, customer: str) -> Object:
    """Give a payment method that passed `check_attachable` to its customer."""
    keep_method(call, method)
    if method["customer"] is None:
        method["customer"] = customer
        call.change(method, "payment_method.attached")
    return method
