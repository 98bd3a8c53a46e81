"""Streams of customers and their child objects."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import ById, ChildOf, StreamSpec

CUSTOMERS = StreamSpec(
    name="customers",
    kind="customer",
    path="/v1/customers",
    permission="rak_customer_read",
    events=("customer.updated",),
    deleted_by=("customer.deleted",),
    by_id=ById(ids_setting="customer_ids", mode_setting="customers_mode"),
)
CUSTOMER_BALANCE_TRANSACTIONS = StreamSpec(
    name="customer_balance_transactions",
    kind="customer_balance_transaction",
    path="/v1/customers/{id}/balance_transactions",
    permission="rak_customer_read",
    child_of=ChildOf(parent=CUSTOMERS),
)
CUSTOMER_CASH_BALANCE_TRANSACTIONS = StreamSpec(
    name="customer_cash_balance_transactions",
    kind="customer_cash_balance_transaction",
    path="/v1/customers/{id}/cash_balance_transactions",
    permission="rak_customer_read",
    events=("customer_cash_balance_transaction.created",),
    child_of=ChildOf(parent=CUSTOMERS, parent_reference="customer"),
)
PAYMENT_SOURCES = StreamSpec(
    name="payment_sources",
    kind="card",
    other_kinds=("bank_account", "source"),
    path="/v1/customers/{id}/sources",
    permission="rak_customer_read",
    events=(
        "customer.source.created",
        "customer.source.expiring",
        "customer.source.updated",
        "source.canceled",
        "source.chargeable",
        "source.failed",
        "source.refund_attributes_required",
    ),
    deleted_by=("customer.source.deleted",),
    child_of=ChildOf(parent=CUSTOMERS, list_member="sources", needs_expand=True, parent_reference="customer"),
)
CUSTOMER_TAX_IDS = StreamSpec(
    name="customer_tax_ids",
    kind="tax_id",
    path="/v1/customers/{id}/tax_ids",
    permission="rak_customer_read",
    events=("customer.tax_id.created", "customer.tax_id.updated"),
    deleted_by=("customer.tax_id.deleted",),
    child_of=ChildOf(parent=CUSTOMERS, list_member="tax_ids", needs_expand=True, parent_reference="customer"),
)
OF_CUSTOMERS = (
    CUSTOMERS,
    CUSTOMER_BALANCE_TRANSACTIONS,
    CUSTOMER_CASH_BALANCE_TRANSACTIONS,
    PAYMENT_SOURCES,
    CUSTOMER_TAX_IDS,
)
