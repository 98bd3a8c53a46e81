"""Test cards by token, and the result of charging each; https://docs.stripe.com/testing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.declines import (
    AUTHENTICATION_REQUIRED,
    EXPIRED,
    FRAUDULENT,
    GENERIC,
    INCORRECT_CVC,
    INSUFFICIENT,
    LOST,
    PROCESSING,
    STOLEN,
    VELOCITY,
    Decline,
)
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A test card. `fails_later`: it can be saved to a customer and is declined when it is charged.

    `needs_authentication`: its bank asks the cardholder to authenticate, which only a PaymentIntent supports.
    """

    brand: str
    last4: str
    funding: str = "credit"
    decline: Decline | None = None
    fails_later: bool = False
    needs_authentication: bool = False
    risk: str = "normal"
    cvc_check: str = "pass"
    line1_check: str | None = None
    zip_check: str | None = None


TOKENS = {
    "tok_visa": Token(brand="Visa", last4="4242"),
    "tok_visa_debit": Token(brand="Visa", last4="5556", funding="debit"),
    "tok_mastercard": Token(brand="MasterCard", last4="4444"),
    "tok_mastercard_debit": Token(brand="MasterCard", last4="8210", funding="debit"),
    "tok_mastercard_prepaid": Token(brand="MasterCard", last4="5100", funding="prepaid"),
    "tok_amex": Token(brand="American Express", last4="8431"),
    "tok_discover": Token(brand="Discover", last4="9424"),
    "tok_chargeDeclined": Token(brand="Visa", last4="0002", decline=GENERIC),
    "tok_chargeDeclinedFraudulent": Token(brand="Visa", last4="0019", decline=FRAUDULENT),
    "tok_chargeDeclinedInsufficientFunds": Token(brand="Visa", last4="9995", decline=INSUFFICIENT),
    "tok_chargeDeclinedExpiredCard": Token(brand="Visa", last4="0069", decline=EXPIRED),
    "tok_chargeDeclinedIncorrectCvc": Token(brand="Visa", last4="0127", decline=INCORRECT_CVC),
    "tok_chargeDeclinedProcessingError": Token(brand="Visa", last4="0119", decline=PROCESSING),
    "tok_chargeCustomerFail": Token(brand="Visa", last4="0341", decline=GENERIC, fails_later=True),
}


# Cards that no seeded account has: adding one to `TOKENS` would change the seeded objects of every seed.
UNSEEDED = {
    "tok_authenticationRequired": Token(brand="Visa", last4="3184", needs_authentication=True),
    "tok_threeDSecure2Required": Token(brand="Visa", last4="3220", needs_authentication=True),
    "tok_diners": Token(brand="Diners Club", last4="0004"),
    "tok_jcb": Token(brand="JCB", last4="0505"),
    "tok_unionpay": Token(brand="UnionPay", last4="0005"),
    "tok_riskLevelElevated": Token(brand="Visa", last4="9235", risk="elevated"),
    "tok_riskLevelHighest": Token(brand="Visa", last4="4954", decline=FRAUDULENT, fails_later=True),
    "tok_cvcCheckFail": Token(brand="Visa", last4="0101", cvc_check="fail"),
    "tok_avsFail": Token(brand="Visa", last4="0010", line1_check="fail", zip_check="fail"),
    "tok_avsLine1Fail": Token(brand="Visa", last4="0028", line1_check="fail", zip_check="pass"),
    "tok_avsZipFail": Token(brand="Visa", last4="0036", line1_check="pass", zip_check="fail"),
    "tok_avsUnchecked": Token(brand="Visa", last4="0044", line1_check="unavailable", zip_check="unavailable"),
    "tok_visa_chargeDeclinedLostCard": Token(brand="Visa", last4="9987", decline=LOST),
    "tok_visa_chargeDeclinedStolenCard": Token(brand="Visa", last4="9979", decline=STOLEN),
    "tok_visa_chargeDeclinedVelocityLimitExceeded": Token(brand="Visa", last4="6975", decline=VELOCITY),
    # Stripe's newer names for two of the cards above.
    "tok_visa_chargeDeclined": TOKENS["tok_chargeDeclined"],
    "tok_visa_chargeDeclinedInsufficientFunds": TOKENS["tok_chargeDeclinedInsufficientFunds"],
}

EVERY_TOKEN = TOKENS | UNSEEDED

_BY_LAST4 = {token.last4: token for token in EVERY_TOKEN.values()}

# Brand as cards spell it → as charges and payment methods spell it.
NETWORKS = {
    "Visa": "visa",
    "MasterCard": "mastercard",
    "American Express": "amex",
    "Discover": "discover",
    "Diners Club": "diners",
    "JCB": "jcb",
    "UnionPay": "unionpay",
}


def token_of(name: str, *, param: str = "source") -> Token:
    """The test card of a token. Raises Refusal (400) for any other text."""
    if name not in EVERY_TOKEN:
        raise refuse("resource_missing", status=400, param=param, noun="token", id=name, hint="")
    return EVERY_TOKEN[name]


def token_by_last4(last4: object) -> Token:
    """The test card whose number ends in these four digits."""
    return _BY_LAST4[str(last4)]


def decline_of(card: Object) -> Decline | None:
    """The decline of a charge of this card without its holder, None if it succeeds."""
    token = token_by_last4(card["last4"])
    return AUTHENTICATION_REQUIRED if token.needs_authentication else token.decline


def expiry_year(now: int) -> int:
    """The year after next: no test card expires while a sandbox runs."""
    return time.gmtime(now).tm_year + 2


def card_of(call: Call, token: Token, customer: str | None = None) -> Object:
    """A new card object: a customer's saved card, or the card of one charge."""
    return card_object(token, call.space.new_id("card"), expiry_year(call.now), customer=customer)


def card_object(token: Token, card_id: str, exp_year: int, *, customer: str | None) -> Object:
    """The card as charges show it. Cards with the same number have the same fingerprint, as at Stripe."""
    return fresh("card") | {
        "id": card_id,
        "brand": token.brand,
        "last4": token.last4,
        "funding": token.funding,
        "cvc_check": token.cvc_check,
        "address_line1_check": token.line1_check,
        "address_zip_check": token.zip_check,
        "customer": customer,
        "fingerprint": f"SandboxCard{token.last4}0",
        "exp_year": exp_year,
    }
