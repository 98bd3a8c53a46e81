"""Stripe's codes for a decline, in plain words. Data only.

https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

from collections.abc import Mapping

_OTHER_CARD = "ask for another card"
_BANK = "the customer has to ask the bank"

WORDS: Mapping[str, str] = {
    "approve_with_id": "the bank could not authorise it: try once more",
    "authentication_required": "the bank wants the customer to confirm it: charge it on session, with the customer",
    "call_issuer": f"no reason stated: {_BANK}",
    "card_declined": f"no reason stated: {_BANK}, or {_OTHER_CARD}",
    "card_not_supported": f"the card does not take this kind of charge: {_OTHER_CARD}",
    "card_velocity_exceeded": "over the card's limit for a period: try later, or ask for another card",
    "currency_not_supported": "the card does not take this currency",
    "do_not_honor": f"no reason stated: {_BANK}",
    "duplicate_transaction": "the bank saw the same amount a moment ago: check whether it was charged elsewhere",
    "expired_card": f"the card has expired: {_OTHER_CARD}",
    "fraudulent": f"Stripe suspects fraud: treat it with care and {_OTHER_CARD}",
    "generic_decline": f"no reason stated: {_BANK}, or {_OTHER_CARD}",
    "incorrect_cvc": "the CVC is wrong: ask for the card again",
    "incorrect_number": "the card number is wrong: ask for the card again",
    "insufficient_funds": "not enough money on the account: try later, or ask for another card",
    "invalid_account": f"the card or its account is invalid: {_BANK}",
    "invalid_amount": "the amount is not allowed, or over what the card may spend: the customer has to ask the bank",
    "issuer_not_available": "the bank could not be reached: try once more",
    "lost_card": f"reported lost: {_OTHER_CARD}, and do not give the customer the reason",
    "new_account_information_available": f"the card or its account is invalid: {_BANK}",
    "pickup_card": f"the card may not be used: {_BANK}",
    "processing_error": "an error while the card was processed: try once more",
    "stolen_card": f"reported stolen: {_OTHER_CARD}, and do not give the customer the reason",
    "transaction_not_allowed": f"no reason stated: {_BANK}",
    "try_again_later": "no reason stated: try once more",
    "withdrawal_count_limit_exceeded": f"over the limit of the account: {_OTHER_CARD}",
}
