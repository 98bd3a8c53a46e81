"""Creating, storing, attaching and spending payment methods."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.methods import TEST_NAMES, decline_of_saving, named_method, new_method
from stripe_flow_sandbox.objects.tokens import card_of, token_of
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space

WRITTEN = ("allow_redisplay", "billing_details", "metadata")

_SPENT = "is_spent"


def new_described_method(call: Call, described: Object, path: str = "") -> Object:
    """A new payment method, not stored yet, from its description in a request. Raises Refusal for other than tokens."""
    if described["type"] != "card":
        raise invalid("The sandbox makes payment methods of other types by their test names.", param=f"{path}type")
    param = f"{path}card" if not path else f"{path}[card]"
    card = described.get("card")
    if not isinstance(card, dict) or "token" not in card:
        # Card numbers are refused, as Stripe refuses them without an attestation.
        raise refuse("parameter_missing", param=f"{param}[token]")
    made = new_method(call, card_of(call, token_of(str(card["token"]), param=f"{param}[token]")))
    apply(made, {name: described[name] for name in WRITTEN if name in described})
    return made


def method_named(call: Call, name: str, *, param: str | None = None) -> Object:
    """The payment method with this id, or a new one, not stored yet, for a test name. Raises Refusal if neither."""
    if name in TEST_NAMES:
        return named_method(call, name)
    return call.find("payment_method", name, param=param)


def keep_method(call: Call, method: Object) -> None:
    """Store a payment method that is not stored yet."""
    if call.space["payment_method"].body(str(method["id"])) is None:
        call.add(method)


def is_spent(space: Space, method: Object) -> bool:
    """Whether the payment method paid without a customer or was detached from one: Stripe then refuses to use it."""
    return bool(space.hidden_facts.get(str(method["id"]), {}).get(_SPENT))


def spend(space: Space, method: Object) -> None:
    """Make the payment method unusable; see `is_spent`."""
    space.hidden_facts[str(method["id"])] = {_SPENT: True}


def check_attachable(call: Call, method: Object, customer: str) -> None:
    """Raises Refusal if the payment method cannot be attached to this customer: 402 if its bank declines it."""
    if method["customer"] not in (None, customer):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if is_spent(call.space, method):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    decline = decline_of_saving(method)
    if decline is not None:
        raise decline.refusal()


def attach(call: Call, method: Object, customer: str) -> Object:
    """Store a payment method that passed `check_attachable` as the customer's."""
    keep_method(call, method)
    if method["customer"] is None:
        method["customer"] = customer
        call.change(method, "payment_method.attached")
    return method
