"""Customers, and what each of them has."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import Belonging, Find, StreamSpec

CUSTOMERS = StreamSpec(
    name="customers",
    kind="customer",
    path="/v1/customers",
    right="rak_customer_read",
    events=("customer.updated",),
    gone=("customer.deleted",),
    find=Find(ids="customer_ids", mode="customers_mode"),
)
CUSTOMER_BALANCE_TRANSACTIONS = StreamSpec(
    name="customer_balance_transactions",
    kind="customer_balance_transaction",
    path="/v1/customers/{id}/balance_transactions",
    right="rak_customer_read",
    belongs=Belonging(parent=CUSTOMERS),
)
CUSTOMER_CASH_BALANCE_TRANSACTIONS = StreamSpec(
    name="customer_cash_balance_transactions",
    kind="customer_cash_balance_transaction",
    path="/v1/customers/{id}/cash_balance_transactions",
    right="rak_customer_read",
    events=("customer_cash_balance_transaction.created",),
    belongs=Belonging(parent=CUSTOMERS, named_by="customer"),
)
PAYMENT_SOURCES = StreamSpec(
    name="payment_sources",
    kind="card",
    also=("bank_account", "source"),
    path="/v1/customers/{id}/sources",
    right="rak_customer_read",
    events=("customer.source.created", "customer.source.expiring", "customer.source.updated"),
    gone=("customer.source.deleted",),
    belongs=Belonging(parent=CUSTOMERS, member="sources", is_asked_for=True, named_by="customer"),
)
CUSTOMER_TAX_IDS = StreamSpec(
    name="customer_tax_ids",
    kind="tax_id",
    path="/v1/customers/{id}/tax_ids",
    right="rak_customer_read",
    events=("customer.tax_id.created", "customer.tax_id.updated"),
    gone=("customer.tax_id.deleted",),
    belongs=Belonging(parent=CUSTOMERS, member="tax_ids", is_asked_for=True, named_by="customer"),
)
OF_CUSTOMERS = (
    CUSTOMERS,
    CUSTOMER_BALANCE_TRANSACTIONS,
    CUSTOMER_CASH_BALANCE_TRANSACTIONS,
    PAYMENT_SOURCES,
    CUSTOMER_TAX_IDS,
)
