"""Test bank accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.declines import Decline

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
TEST_BANK_ACCOUNTS: Mapping[str, tuple[str, str, Fate]] = {
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
