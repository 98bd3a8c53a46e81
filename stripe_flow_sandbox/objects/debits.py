"""Test bank accounts: what they show, and the result of charging each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.declines import Decline

# Stripe documents "at least three minutes" for the delayed accounts and no time for the others.
SOON_S, DELAYED_S = 60, 180


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeResult:
    """The result of charging a payment method.

    `settles_after_s`: seconds that the payment stays `processing`; 0 for a result at once, None for no result.
    """

    decline: Decline | None = None
    needs_authentication: bool = False
    settles_after_s: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """A type of bank account: the only currency it pays in, and the details that the payment method shows."""

    currency: str
    details: Object


DEBITS: Mapping[str, Debit] = {
    "sepa_debit": Debit(
        currency="eur",
        details={
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "generated_from": {"charge": None, "setup_attempt": None},
        },
    ),
    "us_bank_account": Debit(
        currency="usd",
        details={
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


_NOT_DEBITED = "The bank account could not be debited."


def _declined(code: str, settles_after_s: int = SOON_S, decline_code: str | None = None) -> ChargeResult:
    return ChargeResult(decline=Decline(code, decline_code or code, _NOT_DEBITED), settles_after_s=settles_after_s)


_SOON, _DELAYED = ChargeResult(settles_after_s=SOON_S), ChargeResult(settles_after_s=DELAYED_S)
# The code of a bank that gives no reason.
_NO_REASON = "payment_intent_payment_attempt_failed"

# Test name → type, last four digits of the account number, result.
TEST_BANK_ACCOUNTS: Mapping[str, tuple[str, str, ChargeResult]] = {
    "pm_usBankAccount_success": ("us_bank_account", "6789", _SOON),
    "pm_usBankAccount_accountClosed": ("us_bank_account", "1113", _declined("account_closed")),
    "pm_usBankAccount_noAccount": ("us_bank_account", "1116", _declined("no_account")),
    "pm_usBankAccount_insufficientFunds": ("us_bank_account", "2227", _declined("insufficient_funds")),
    "pm_usBankAccount_debitNotAuthorized": ("us_bank_account", "3335", _declined("debit_not_authorized")),
    "pm_usBankAccount_processing": ("us_bank_account", "0009", ChargeResult(settles_after_s=None)),
    "pm_success_de": ("sepa_debit", "3000", _SOON),
    "pm_successDelayed_de": ("sepa_debit", "3003", _DELAYED),
    "pm_failed_de": ("sepa_debit", "3001", _declined(_NO_REASON, SOON_S, "generic_decline")),
    "pm_failedDelayed_de": ("sepa_debit", "3004", _declined(_NO_REASON, DELAYED_S, "generic_decline")),
}
