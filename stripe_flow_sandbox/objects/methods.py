"""Payment methods: what a test name or a card becomes, and what happens to who charges it.

https://docs.stripe.com/testing, https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
and https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration
"""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.debits import DEBITS, TEST_BANK_ACCOUNTS, Fate
from stripe_flow_sandbox.objects.declines import Decline
from stripe_flow_sandbox.objects.tokens import EVERY_TOKEN, NETWORKS, card_of, token_by_last4
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call

_CARDS = {"pm_card_" + name.removeprefix("tok_"): token for name, token in EVERY_TOKEN.items()}
TEST_NAMES = frozenset({*_CARDS, *TEST_BANK_ACCOUNTS})

_FATES = {
    **{
        ("card", token.last4): Fate(decline=token.decline, needs_authentication=token.needs_authentication)
        for token in EVERY_TOKEN.values()
    },
    **{(kind, last4): fate for kind, last4, fate in TEST_BANK_ACCOUNTS.values()},
}


def fate_of(method: Object) -> Fate:
    """What happens to who charges this payment method."""
    kind = str(method["type"])
    return _FATES[kind, str(mapping(method[kind])["last4"])]


def can_be_saved(method: Object) -> Decline | None:
    """None, or why a customer cannot have this payment method."""
    if method["type"] != "card":
        return None
    token = token_by_last4(mapping(method["card"])["last4"])
    return None if token.fails_later else token.decline


def named_method(call: Call, name: str) -> Object:
    """A new payment method, not kept yet, for one of `TEST_NAMES`; Stripe makes one at each use of the name, too."""
    if name in _CARDS:
        return new_method(call, card_of(call, _CARDS[name]))
    kind, last4, _ = TEST_BANK_ACCOUNTS[name]
    made = call.new("payment_method", type=kind)
    made[kind] = {**DEBITS[kind].shown, "fingerprint": f"SandboxBank{last4}0", "last4": last4}
    del made["card"]
    return made


def new_method(call: Call, card: Object) -> Object:
    """A new payment method for a card, not kept yet."""
    return method_of(card) | {
        "id": call.space.new_id("payment_method"),
        "created": call.now,
        "livemode": call.space.livemode,
    }


def method_of(card: Object) -> Object:
    """A card as a payment method: what is saved as a source pays by its own id as well.

    https://docs.stripe.com/payments/payment-methods/transitioning
    """
    made = fresh("payment_method") | {"id": card["id"], "customer": card["customer"]}
    network = NETWORKS[str(card["brand"])]
    shown = mapping(made["card"])
    shown |= {name: card[name] for name in ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4")}
    shown |= {"brand": network, "display_brand": network, "networks": {"available": [network], "preferred": None}}
    return made
