"""Payment methods made from test names and cards, and the result of charging each.

https://docs.stripe.com/testing, https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
and https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration
"""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.debits import DEBITS, TEST_BANK_ACCOUNTS, ChargeResult
from stripe_flow_sandbox.objects.declines import Decline
from stripe_flow_sandbox.objects.tokens import EVERY_TOKEN, NETWORKS, card_of, token_by_last4
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call

_CARDS = {"pm_card_" + name.removeprefix("tok_"): token for name, token in EVERY_TOKEN.items()}
TEST_NAMES = frozenset({*_CARDS, *TEST_BANK_ACCOUNTS})

_RESULTS = {
    **{
        ("card", token.last4): ChargeResult(decline=token.decline, needs_authentication=token.needs_authentication)
        for token in EVERY_TOKEN.values()
    },
    **{(kind, last4): result for kind, last4, result in TEST_BANK_ACCOUNTS.values()},
}


def charge_result_of(method: Object) -> ChargeResult:
    """The result of charging this payment method."""
    kind = str(method["type"])
    return _RESULTS[kind, str(mapping(method[kind])["last4"])]


def risk_of(method: Object) -> str:
    """Radar's risk level of charging this payment method; bank debits have the normal one."""
    return token_by_last4(mapping(method["card"])["last4"]).risk if method["type"] == "card" else "normal"


def decline_of_saving(method: Object) -> Decline | None:
    """The decline when the payment method is attached to a customer, None if it can be."""
    if method["type"] != "card":
        return None
    token = token_by_last4(mapping(method["card"])["last4"])
    return None if token.fails_later else token.decline


def named_method(call: Call, name: str) -> Object:
    """A new payment method, not stored yet, for one of `TEST_NAMES`. Stripe also makes a new one at each use."""
    if name in _CARDS:
        return new_method(call, card_of(call, _CARDS[name]))
    kind, last4, _ = TEST_BANK_ACCOUNTS[name]
    made = call.new("payment_method", type=kind)
    made[kind] = {**DEBITS[kind].details, "fingerprint": f"SandboxBank{last4}0", "last4": last4}
    del made["card"]
    return made


def new_method(call: Call, card: Object) -> Object:
    """A new payment method for a card, not stored yet."""
    return method_of(card) | {
        "id": call.space.new_id("payment_method"),
        "created": call.now,
        "livemode": call.space.livemode,
    }


def method_of(card: Object) -> Object:
    """A card as a payment method with the same id: a saved source can be used as a payment method.

    https://docs.stripe.com/payments/payment-methods/transitioning
    """
    made = fresh("payment_method") | {"id": card["id"], "customer": card["customer"]}
    network = NETWORKS[str(card["brand"])]
    shown = mapping(made["card"])
    shown |= {name: card[name] for name in ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4")}
    shown["checks"] = {
        "address_line1_check": card["address_line1_check"],
        "address_postal_code_check": card["address_zip_check"],
        "cvc_check": card["cvc_check"],
    }
    shown |= {"brand": network, "display_brand": network, "networks": {"available": [network], "preferred": None}}
    return made
