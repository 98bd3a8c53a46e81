"""Streams of the balance, payouts, transfers, Connect accounts, events, and the settings of the account."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import ChildOf, StreamSpec

BALANCE_TRANSACTIONS = StreamSpec(
    name="balance_transactions",
    kind="balance_transaction",
    path="/v1/balance_transactions",
    permission="rak_balance_transaction_source_read",
)
PAYOUTS = StreamSpec(
    name="payouts",
    kind="payout",
    path="/v1/payouts",
    permission="rak_payout_read",
    events=("payout.canceled", "payout.failed", "payout.paid", "payout.reconciliation_completed", "payout.updated"),
)
TOP_UPS = StreamSpec(
    name="top_ups",
    kind="topup",
    path="/v1/topups",
    permission="rak_top_up_read",
    events=("topup.canceled", "topup.failed", "topup.reversed", "topup.succeeded"),
)
TRANSFERS = StreamSpec(
    name="transfers",
    kind="transfer",
    path="/v1/transfers",
    permission="rak_transfer_read",
    events=("transfer.reversed", "transfer.updated"),
)
TRANSFER_REVERSALS = StreamSpec(
    name="transfer_reversals",
    kind="transfer_reversal",
    path="/v1/transfers/{id}/reversals",
    permission="rak_transfer_read",
    child_of=ChildOf(parent=TRANSFERS, list_member="reversals"),
)
APPLICATION_FEES = StreamSpec(
    name="application_fees",
    kind="application_fee",
    path="/v1/application_fees",
    permission="rak_application_fee_read",
    events=("application_fee.refunded",),
)
APPLICATION_FEE_REFUNDS = StreamSpec(
    name="application_fee_refunds",
    kind="fee_refund",
    path="/v1/application_fees/{id}/refunds",
    permission="rak_application_fee_read",
    events=("application_fee.refund.updated",),
    child_of=ChildOf(parent=APPLICATION_FEES, list_member="refunds", parent_reference="fee"),
)
ACCOUNTS = StreamSpec(
    name="accounts",
    kind="account",
    path="/v1/accounts",
    permission="rak_connected_account_read",
    is_reread=True,
)
PERSONS = StreamSpec(
    name="persons",
    kind="person",
    path="/v1/accounts/{id}/persons",
    permission="rak_connected_account_read",
    child_of=ChildOf(parent=ACCOUNTS),
)
EXTERNAL_ACCOUNTS = StreamSpec(
    name="external_accounts",
    kind="bank_account",
    other_kinds=("card",),
    path="/v1/accounts/{id}/external_accounts",
    permission="rak_connected_account_read",
    child_of=ChildOf(parent=ACCOUNTS, list_member="external_accounts"),
)
EVENTS = StreamSpec(
    name="events",
    kind="event",
    path="/v1/events",
    permission="rak_event_read",
    is_snapshot=True,
    kept_days=30,  # https://docs.stripe.com/api/events/list
)
FILE_LINKS = StreamSpec(name="file_links", kind="file_link", path="/v1/file_links", permission="rak_file_read")
WEBHOOK_ENDPOINTS = StreamSpec(
    name="webhook_endpoints",
    kind="webhook_endpoint",
    path="/v1/webhook_endpoints",
    permission="rak_webhook_read",
    stamp=None,
)
COUNTRY_SPECS = StreamSpec(
    name="country_specs",
    kind="country_spec",
    path="/v1/country_specs",
    permission="rak_connected_account_read",
    stamp=None,
)
CONNECT = (
    BALANCE_TRANSACTIONS,
    PAYOUTS,
    TOP_UPS,
    TRANSFERS,
    TRANSFER_REVERSALS,
    APPLICATION_FEES,
    APPLICATION_FEE_REFUNDS,
    ACCOUNTS,
    PERSONS,
    EXTERNAL_ACCOUNTS,
    EVENTS,
    FILE_LINKS,
    WEBHOOK_ENDPOINTS,
    COUNTRY_SPECS,
)
