"""The names of Stripe's object types, as the member `object` holds them. Data only.

They are the classes of the official client; a test compares the two.
"""

# ruff: noqa: SIM905  # lines of words are read more easily than 185 quoted strings

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from target_stripe_flow.attempts.spelling import visible

STRIPE_OBJECTS = frozenset(
    """
    account account_link account_session apple_pay_domain application application_fee apps.install apps.secret
    balance balance_settings balance_transaction bank_account
    billing.alert billing.alert_triggered billing.credit_balance_summary billing.credit_balance_transaction
    billing.credit_grant billing.feedback_option billing.meter billing.meter_event billing.meter_event_adjustment
    billing.meter_event_summary billing_portal.configuration billing_portal.session
    capability card cash_balance charge checkout.session climate.order climate.product climate.supplier
    confirmation_token connect_collection_transfer country_spec coupon credit_note credit_note_line_item
    customer customer_balance_transaction customer_cash_balance_transaction customer_session
    discount dispute entitlements.active_entitlement entitlements.active_entitlement_summary entitlements.feature
    ephemeral_key event exchange_rate fee_refund file file_link file_upload
    financial_connections.account financial_connections.account_owner financial_connections.account_ownership
    financial_connections.authorization financial_connections.session financial_connections.transaction
    forwarding.request funding_instructions identity.verification_report identity.verification_session
    invoice invoice_payment invoice_rendering_template invoiceitem
    issuing.authorization issuing.card issuing.cardholder issuing.dispute issuing.personalization_design
    issuing.physical_bundle issuing.token issuing.transaction
    item line_item list login_link mandate
    payment_attempt_record payment_intent payment_intent_amount_details_line_item payment_link payment_method
    payment_method_configuration payment_method_domain payment_record payout person plan price
    product product_catalog.trial_offer product_feature promotion_code quote
    radar.early_fraud_warning radar.payment_evaluation radar.value_list radar.value_list_item
    refund reporting.report_run reporting.report_type reserve.hold reserve.plan reserve.release reserve_transaction
    review scheduled_query_run search_result setup_attempt setup_intent shipping_rate
    source source_mandate_notification source_transaction subscription subscription_item subscription_schedule
    tax.association tax.calculation tax.calculation_line_item tax.location tax.registration tax.settings
    tax.transaction tax.transaction_line_item tax_code tax_deducted_at_source tax_id tax_rate
    terminal.configuration terminal.connection_token terminal.location terminal.onboarding_link terminal.reader
    test_helpers.test_clock three_d_secure.authentication token topup transfer transfer_reversal
    treasury.credit_reversal treasury.debit_reversal treasury.financial_account treasury.financial_account_features
    treasury.inbound_transfer treasury.outbound_payment treasury.outbound_transfer treasury.received_credit
    treasury.received_debit treasury.transaction treasury.transaction_entry webhook_endpoint
    v2.billing.meter_event v2.billing.meter_event_adjustment v2.billing.meter_event_session
    v2.commerce.product_catalog_import v2.core.account v2.core.account_link v2.core.account_person
    v2.core.account_person_token v2.core.account_token v2.core.event v2.core.event_destination
    v2.core.vault.gb_bank_account v2.core.vault.us_bank_account
    v2.money_management.adjustment v2.money_management.financial_account v2.money_management.financial_address
    v2.money_management.financial_address_credit_simulation v2.money_management.inbound_transfer
    v2.money_management.outbound_payment v2.money_management.outbound_setup_intent
    v2.money_management.payout_intent v2.money_management.payout_method
    v2.money_management.payout_methods_bank_account_spec v2.money_management.received_credit
    v2.money_management.recipient_verification v2.money_management.transaction
    v2.money_management.transaction_entry v2.search_result
    """.split()
)
# From older API versions. `order` is left out: many shops use it for their own orders.
RETIRED_OBJECTS = frozenset(
    """
    alipay_account bitcoin_receiver bitcoin_transaction issuer_fraud_record order_return recipient sku three_d_secure
    usage_record usage_record_summary
    """.split()
)


# `_` and `-`, and the other connectors and dashes of Unicode.
_JOINING = frozenset({"Pc", "Pd"})
# No known name is nearly as long; longer texts are not compared, and not kept.
_MOST_CHARACTERS = 200


def plain(name: str) -> str:
    """`name` without case, white space, `_`, `-` and characters that nobody sees, to compare spellings."""
    own = name.strip()
    return own if len(own) > _MOST_CHARACTERS else _plain(own)


@lru_cache(maxsize=10_000)
def _plain(name: str) -> str:
    return "".join(each for each in visible(name.casefold()) if unicodedata.category(each) not in _JOINING)


_OBJECTS = frozenset(plain(name).replace(".", "") for name in STRIPE_OBJECTS | RETIRED_OBJECTS)


def is_read_from_stripe(members: Iterable[tuple[str, object]]) -> bool:
    """Whether these members of a record, names and values, say that it was read from Stripe, in any spelling."""
    return any(plain(name) == "object" and is_stripe_object(value) for name, value in members)


def is_stripe_object(value: object) -> bool:
    """Whether `value`, of a member `object`, names a Stripe object: then the record was read from Stripe."""
    return isinstance(value, str) and plain(value).replace(".", "") in _OBJECTS
