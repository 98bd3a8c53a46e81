"""Stripe's codes for refusals and declines: the words for each, who has to act, and which are not final.

https://docs.stripe.com/error-codes and https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

from collections.abc import Mapping

from stripe_flow.api.errors import Refusal

_OTHER_CARD = "ask for another card"
_BANK = "the customer has to ask the bank"
_AGAIN = "ask for the card again"
_ON_SESSION = "charge it on session, with the customer"
_SPENT = "the token was used before: each token pays once, so the record needs a new one"
_CHARGED_BACK = "the charge is disputed, and a disputed charge is not refunded"
_METHOD = "the payment method cannot be used for this: give the record another one"
_ACTIVATE = "finish the activation of the account in the Stripe dashboard"

# The bank, the card or its owner is the cause.
OF_A_CARD: Mapping[str, str] = {
    "approve_with_id": "the bank could not authorise it: try once more",
    "authentication_failure": f"the customer did not confirm it: {_ON_SESSION}",
    "authentication_not_handled": f"the bank wants the customer to confirm it: {_ON_SESSION}",
    "authentication_required": f"the bank wants the customer to confirm it: {_ON_SESSION}",
    "call_issuer": f"no reason stated: {_BANK}",
    "card_decline_rate_limit_exceeded": f"the card was declined too often: wait a day, or {_OTHER_CARD}",
    "card_declined": f"no reason stated: {_BANK}, or {_OTHER_CARD}",
    "card_not_supported": f"the card does not take this kind of charge: {_OTHER_CARD}",
    "card_velocity_exceeded": "over the card's limit for a period: try later, or ask for another card",
    "currency_not_supported": "the card does not take this currency",
    "debit_not_authorized": "the customer says that the debit was not authorised: ask for another payment method",
    "do_not_honor": f"no reason stated: {_BANK}",
    "do_not_try_again": f"the bank does not want another try: {_BANK}",
    "duplicate_transaction": "the bank saw the same amount a moment ago: check whether it was charged elsewhere",
    "expired_card": f"the card has expired: {_OTHER_CARD}",
    "fraudulent": f"Stripe suspects fraud: treat it with care and {_OTHER_CARD}",
    "generic_decline": f"no reason stated: {_BANK}, or {_OTHER_CARD}",
    "highest_risk_level": "Stripe blocked it for its risk: allow the customer in Radar before another try",
    "incorrect_address": f"the address is not the card's: {_AGAIN}",
    "incorrect_cvc": f"the CVC is wrong: {_AGAIN}",
    "incorrect_number": f"the card number is wrong: {_AGAIN}",
    "incorrect_pin": f"the PIN is wrong: {_AGAIN}",
    "incorrect_postal_code": f"the postal code is not the card's: {_AGAIN}",
    "incorrect_zip": f"the postal code is not the card's: {_AGAIN}",
    "insufficient_funds": "not enough money on the account: try later, or ask for another card",
    "invalid_account": f"the card or its account is invalid: {_BANK}",
    "invalid_amount": "the amount is not allowed, or over what the card may spend: the customer has to ask the bank",
    "invalid_cvc": f"the CVC is wrong: {_AGAIN}",
    "invalid_expiry_month": f"the month of expiry is wrong: {_AGAIN}",
    "invalid_expiry_year": f"the year of expiry is wrong: {_AGAIN}",
    "invalid_number": f"the card number is wrong: {_AGAIN}",
    "invalid_pin": f"the PIN is wrong: {_AGAIN}",
    "issuer_not_available": "the bank could not be reached: try once more",
    "lost_card": f"reported lost: {_OTHER_CARD}, and do not give the customer the reason",
    "merchant_blacklist": "it is on a block list of the account: remove it from that list in Radar first",
    "mobile_device_authentication_required": f"the bank wants the customer to confirm it: {_ON_SESSION}",
    "new_account_information_available": f"the card or its account is invalid: {_BANK}",
    "no_action_taken": f"no reason stated: {_BANK}",
    "not_permitted": f"the card may not be used for this: {_BANK}",
    "offline_pin_required": f"the bank wants the PIN: {_ON_SESSION}",
    "online_or_offline_pin_required": f"the bank wants the PIN: {_ON_SESSION}",
    "payment_intent_action_required": f"the bank wants the customer to confirm it: {_ON_SESSION}",
    "payment_intent_authentication_failure": f"the customer did not confirm it: {_ON_SESSION}",
    "payment_method_customer_decline": "the customer declined it: ask before another try",
    "payment_method_provider_decline": "the provider of the payment method declined it: ask for another one",
    "payment_method_provider_timeout": "the provider of the payment method did not answer: try once more",
    "pickup_card": f"the card may not be used: {_BANK}",
    "pin_try_exceeded": f"the PIN was wrong too often: {_OTHER_CARD}",
    "processing_error": "an error while the card was processed: try once more",
    "reenter_transaction": "the bank could not process it: try once more",
    "refer_to_customer": f"the customer's bank stopped it: {_BANK}",
    "restricted_card": f"the card may not be used: {_BANK}",
    "revocation_of_all_authorizations": "the customer has revoked all debits: ask for another payment method",
    "revocation_of_authorization": "the customer has revoked the debit: ask for another payment method",
    "security_violation": f"no reason stated: {_BANK}",
    "service_not_allowed": f"no reason stated: {_BANK}",
    "stolen_card": f"reported stolen: {_OTHER_CARD}, and do not give the customer the reason",
    "stop_payment_order": f"the customer has stopped it: {_BANK}",
    "testmode_decline": "a card number for tests was used in live mode: use a real card",
    "transaction_not_allowed": f"no reason stated: {_BANK}",
    "try_again_later": "no reason stated: try once more",
    "withdrawal_count_limit_exceeded": f"over the limit of the account: {_OTHER_CARD}",
}

# The record, or an object that it names, is the cause.
OF_A_RECORD: Mapping[str, str] = {
    "account_closed": "the bank account is closed: ask the customer for another one",
    "account_number_invalid": "the number of the bank account is wrong",
    "amount_too_large": "the amount is over what Stripe takes",
    "amount_too_small": "the amount is below the smallest that Stripe charges in this currency",
    "balance_invalid_parameter": "a parameter does not fit the payment method",
    "bank_account_declined": "the bank account cannot be charged: it is not verified, or its bank refuses debits",
    "bank_account_exists": "the customer has this bank account already",
    "bank_account_restricted": "the customer's bank account cannot be charged",
    "bank_account_unusable": "the bank account cannot be used: ask the customer for another one",
    "bank_account_unverified": "the bank account is not verified yet",
    "charge_already_captured": "the charge was captured before",
    "charge_already_refunded": "the charge is paid back already, in this amount or in full",
    "charge_disputed": _CHARGED_BACK,
    "charge_exceeds_source_limit": "it is over the limit of the payment method for a period: try later",
    "charge_exceeds_transaction_limit": "it is over the limit of the payment method for one charge",
    "charge_expired_for_capture": "the authorisation of the charge has expired",
    "charge_invalid_parameter": "a parameter is not allowed for this charge",
    "charge_not_refundable": "the charge cannot be refunded",
    "country_code_invalid": "the country code is wrong: it has two letters",
    "coupon_expired": "the coupon has expired",
    "customer_max_payment_methods": "the customer has as many payment methods as Stripe allows: remove one",
    "customer_tax_location_invalid": "the customer's address is not enough to compute tax",
    "email_invalid": "the e-mail address is not valid",
    "expired_payment_method": "the payment method has expired: ask the customer for another one",
    "intent_invalid_state": "the payment is in a state that does not allow this",
    "invalid_card_type": "the card cannot be used for this: it has to be a debit card",
    "invalid_characters": "a value has characters that Stripe does not take",
    "invalid_charge_amount": "the amount is not valid: it is a positive whole number in minor units",
    "invalid_source_usage": "the source cannot be used for this: it is spent, or for another currency or country",
    "invalid_tax_location": "the address is not enough to compute tax",
    "missing": "the customer has nothing to pay with, or not the source that the record names: attach a payment method "
    "to the customer as its default, or name a token as the source and no customer",
    "out_of_inventory": "the product is out of stock",
    "parameter_invalid_empty": "a value is empty: leave it out, or fill it",
    "parameter_invalid_integer": "a value has to be a whole number",
    "parameter_invalid_string_blank": "a value is only white space",
    "parameter_invalid_string_empty": "a value is empty: leave it out, or fill it",
    "parameter_missing": "a parameter that Stripe requires is missing",
    "parameter_unknown": "Stripe does not know a parameter",
    "parameters_exclusive": "two parameters exclude each other: keep one",
    "payment_intent_incompatible_payment_method": _METHOD,
    "payment_intent_invalid_parameter": "a parameter does not fit the payment method",
    "payment_intent_mandate_invalid": "the mandate for the payment method is not valid: ask the customer for a new one",
    "payment_intent_payment_attempt_expired": "the payment has expired",
    "payment_intent_payment_attempt_failed": "the payment failed: ask the customer for another payment method",
    "payment_intent_unexpected_state": "the payment is in a state that does not allow this",
    "payment_method_bank_account_blocked": "the bank account is blocked after a failed debit: ask for another one",
    "payment_method_billing_details_address_missing": "the payment method has no billing address",
    "payment_method_currency_mismatch": "the payment method does not take this currency",
    "payment_method_invalid_parameter": "a parameter does not fit the payment method",
    "payment_method_not_available": "the payment method cannot be reached now: try later, or another one",
    "payment_method_restricted": _METHOD,
    "payment_method_unexpected_state": _METHOD,
    "payment_method_unsupported_type": _METHOD,
    "postal_code_invalid": "the postal code is wrong",
    "product_inactive": "the product is not active",
    "refund_disputed_payment": _CHARGED_BACK,
    "resource_already_exists": "an object with this id exists already: give the record another one",
    "resource_missing": "there is no object with an id that the record names, or it is of the other mode",
    "routing_number_invalid": "the routing number of the bank is wrong",
    "shipping_address_invalid": "the shipping address is not valid",
    "sku_inactive": "the product's variant is not active",
    "state_unsupported": "the state of the address is wrong: it takes a two-letter code",
    "status_transition_invalid": "the object is in a state that does not allow this",
    "tax_id_invalid": "the tax id is not valid for its type and country",
    "token_already_used": _SPENT,
    "token_card_network_invalid": "the card's network does not fit its number",
    "token_in_use": _SPENT,
    "url_invalid": "the address of a page is not valid",
}

# The account or its key is the cause: no record succeeds until it is changed.
OF_AN_ACCOUNT: Mapping[str, str] = {
    "action_blocked": "Stripe blocks this for the account: the dashboard shows why",
    "approval_required": "the account requires an approval for this: approve it in the dashboard",
    "balance_insufficient": "the account's balance at Stripe is too small: top it up, or wait for payments",
    "capability_not_active": f"the account lacks a capability: {_ACTIVATE}",
    "country_unsupported": "Stripe does not offer this in the account's country",
    "livemode_mismatch": "the key is of the other mode: check the setting api_key",
    "not_allowed_on_standard_account": "a platform may not do this for the account: check the setting account_id",
    "payment_method_unactivated": "the payment method is not activated for the account: activate it in the dashboard",
    "platform_account_required": "only a platform may do this: check the settings account_id and api_key",
    "request_blocked": "Stripe blocks this for the account: the dashboard shows why",
    "secret_key_required": "the key is not a secret one: check the setting api_key",
    "stripe_tax_inactive": "Stripe Tax is not active for the account: finish its setup, or leave out tax parameters",
    "testmode_charges_only": f"the account may only make test charges: {_ACTIVATE}",
    "tls_version_unsupported": "the connection uses an old version of TLS: check the proxies of this machine",
    "transfers_not_allowed": "the account may not make transfers: ask Stripe's support",
}

WORDS: Mapping[str, str] = {**OF_A_CARD, **OF_A_RECORD, **OF_AN_ACCOUNT}

# Stripe answers these with the status of a decline (402), although no card was asked: the record may be sent again.
NOT_FINAL = frozenset({"missing", *OF_AN_ACCOUNT})


def is_final(refusal: Refusal) -> bool:
    """Whether a 402 ends its attempt for good (pure): it left an object, or the bank or the card is the cause."""
    left = refusal.charge or refusal.payment_intent or refusal.decline_code
    return bool(left) or refusal.code not in NOT_FINAL
