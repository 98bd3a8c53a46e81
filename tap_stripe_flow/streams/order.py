"""The lists of which Stripe documents that they are newest first. Nothing is said about the others.

A reader whose cursor is lost asks such a list again from there on, and any other list from its beginning.
"""

from __future__ import annotations

# Paths of lists with a filter `created`; from the descriptions in Stripe's official Node client 23.1.0.
NEWEST_FIRST = frozenset(
    {
        "/v1/application_fees",
        "/v1/balance_transactions",
        "/v1/charges",
        "/v1/customers",
        "/v1/invoiceitems",
        "/v1/invoices",
        "/v1/issuing/authorizations",
        "/v1/issuing/cardholders",
        "/v1/issuing/cards",
        "/v1/issuing/disputes",
        "/v1/issuing/transactions",
        "/v1/payouts",
        "/v1/products",
        "/v1/refunds",
        "/v1/reviews",
        "/v1/tax_rates",
        "/v1/transfers",
    }
)
