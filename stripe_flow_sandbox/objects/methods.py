"""Payment methods: what a test name or a card becomes, and what happens to who charges it.

https://docs.stripe.com/testing, https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
and https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.tokens import EVERY_TOKEN, NETWORKS, Decline, card_of, token_by_last4
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call

# Stripe says "at least three minutes" of the delayed ones and nothing of the others.
SOON_S, DELAYED_S = 60, 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What happens to who charges a payment method.

    `settles_after_s`: so long it is only on its way; 0: known at once; None: on its way forever.
    """

    decline: Decline | None = None
    needs_authentication: bool = False
    settles_after_s: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """A kind of bank account: the only currency it pays in, and what such a payment method shows of it."""

    currency: str
    shown: Object


DEBITS: Mapping[str, Debit] = {
    "sepa_debit": Debit(
        currency="eur",
        shown={
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "generated_from": {"charge": None, "setup_attempt": None},
        },
    ),
    "us_bank_account": Debit(
        currency="usd",
        shown={
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        },
    ),
}


def _failing(code: str, message: str, settles_after_s: int = SOON_S) -> Fate:
    return Fate(decline=Decline(code, code, message), settles_after_s=settles_after_s)


_SOON, _DELAYED = Fate(settles_after_s=SOON_S), Fate(settles_after_s=DELAYED_S)
_REFUSED = "The bank account could not be debited."

# Test name → type, end of the account's number, fate.
_ACCOUNTS: Mapping[str, tuple[str, str, Fate]] = {
    "pm_usBankAccount_success": ("us_bank_account", "6789", _SOON),
    "pm_usBankAccount_accountClosed": ("us_bank_account", "1113", _failing("account_closed", _REFUSED)),
    "pm_usBankAccount_noAccount": ("us_bank_account", "1116", _failing("no_account", _REFUSED)),
    "pm_usBankAccount_insufficientFunds": ("us_bank_account", "2227", _failing("insufficient_funds", _REFUSED)),
    "pm_usBankAccount_debitNotAuthorized": ("us_bank_account", "3335", _failing("debit_not_authorized", _REFUSED)),
    "pm_usBankAccount_processing": ("us_bank_account", "0009", Fate(settles_after_s=None)),
    "pm_success_de": ("sepa_debit", "3000", _SOON),
    "pm_successDelayed_de": ("sepa_debit", "3003", _DELAYED),
    "pm_failed_de": ("sepa_debit", "3001", _failing("generic_decline", _REFUSED)),
    "pm_failedDelayed_de": ("sepa_debit", "3004", _failing("generic_decline", _REFUSED, DELAYED_S)),
}

_CARDS = {"pm_card_" + name.removeprefix("tok_"): token for name, token in EVERY_TOKEN.items()}
TEST_NAMES = frozenset({*_CARDS, *_ACCOUNTS})

_FATES = {
    **{
        ("card", token.last4): Fate(decline=token.decline, needs_authentication=token.needs_authentication)
        for token in EVERY_TOKEN.values()
    },
    **{(kind, last4): fate for kind, last4, fate in _ACCOUNTS.values()},
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
    kind, last4, _ = _ACCOUNTS[name]
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
