"""The shop's catalog, customers and connected accounts."""

from __future__ import annotations

from stripe_flow_sandbox.furnish.terms import CUSTOMER, PRICE, PRICE_OF, REFUNDED, SPENT, number, price_text, text
from stripe_flow_sandbox.furnish.values import Entry, Of

CATALOG = (
    Entry(name="tax_code"),
    Entry(name="tax_rate"),
    Entry(name="country_spec"),
    Entry(name="product", values={"name": text("Magazine ")}),
    Entry(
        name="price",
        values={
            "currency": "usd",
            "product": Of("product"),
            "recurring": {"interval": "month"},
            "unit_amount": lambda made: PRICE + number(made),
        },
        then={"product": {"default_price": Of("price"), "tax_code": Of("tax_code")}},
    ),
    Entry(
        name="plan",
        values={"id": Of("price"), "amount": PRICE_OF, "amount_decimal": price_text, "product": Of("product")},
    ),
    Entry(name="coupon"),
    Entry(
        name="promotion_code",
        values={"active": True, "code": text("SAVE"), "promotion": {"coupon": Of("coupon"), "type": "coupon"}},
    ),
    Entry(name="shipping_rate", values={"tax_code": Of("tax_code")}),
)
ACCOUNTS = (
    Entry(name="account", values={"charges_enabled": True, "details_submitted": True, "payouts_enabled": True}),
    Entry(name="person", of="account"),
    Entry(name="bank_account", of="account"),
    Entry(name="external card", kind="card", of="account"),
    Entry(name="own tax_id", kind="tax_ids"),
)
CUSTOMERS = (
    Entry(
        name="customer",
        values={
            "email": text("customer", "@example.com"),
            "name": text("Customer "),
            "source": "tok_visa",
            "balance": -REFUNDED,
        },
    ),
    Entry(
        name="payment_method",
        values={"customer": CUSTOMER},
        then={"customer": {"invoice_settings": {"default_payment_method": Of("payment_method")}}},
    ),
    Entry(name="customer's bank_account", kind="bank_account", of="customer"),
    Entry(name="source", of="customer", values={"owner": {"email": Of("customer", "email")}}),
    Entry(name="tax_id", kind="customer_tax_ids", of="customer", values={"owner": {"customer": CUSTOMER}}),
    Entry(
        name="customer_balance_transaction",
        of="customer",
        values={"amount": -REFUNDED, "ending_balance": -REFUNDED},
    ),
    Entry(
        name="customer_cash_balance_transaction",
        of="customer",
        values={"currency": "usd", "net_amount": SPENT, "ending_balance": SPENT},
    ),
    Entry(
        name="setup_intent",
        values={"customer": CUSTOMER, "payment_method": Of("payment_method"), "status": "succeeded"},
    ),
    Entry(
        name="setup_attempt",
        of="setup_intent",
        values={"customer": CUSTOMER, "payment_method": Of("payment_method")},
        then={"setup_intent": {"latest_attempt": Of("setup_attempt")}},
    ),
)
