"""The shop's subscriptions and invoices, and their payment."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import integer
from stripe_flow_sandbox.furnish.terms import (
    CUSTOMER,
    DISPUTED,
    MONTH,
    MONTH_S,
    PRICE_OF,
    PRICING,
    REFUNDED,
    card_fee,
    fee_detail,
    found_movement,
    later,
    text,
)
from stripe_flow_sandbox.furnish.values import Entry, Of

BILLING = (
    Entry(
        name="subscription",
        values={
            "cancel_at_period_end": False,
            "customer": CUSTOMER,
            "default_payment_method": Of("payment_method"),
        },
    ),
    Entry(
        name="subscription_item",
        of="subscription",
        values={
            "current_period_start": later(0),
            "current_period_end": later(MONTH_S),
            "plan": Of("plan", None),
            "price": Of("price", None),
        },
    ),
    Entry(
        name="subscription_schedule",
        values={
            "customer": CUSTOMER,
            "phases": [{"items": [{"plan": Of("plan"), "price": Of("price")}], "end_date": later(MONTH_S)}],
            "status": "active",
            "subscription": Of("subscription"),
        },
        then={"subscription": {"schedule": Of("subscription_schedule")}},
    ),
    Entry(
        name="invoice",
        values={
            "amount_due": PRICE_OF,
            "amount_paid": PRICE_OF,
            "amount_remaining": 0,
            "attempt_count": 1,
            "attempted": True,
            "billing_reason": "subscription_create",
            "customer": CUSTOMER,
            "customer_email": Of("customer", "email"),
            "customer_name": Of("customer", "name"),
            "default_payment_method": Of("payment_method"),
            "number": text("MAGAZINE-"),
            "parent": {
                "quote_details": None,
                "subscription_details": {"metadata": {}, "subscription": Of("subscription")},
                "type": "subscription_details",
            },
            "status": "paid",
            "status_transitions": {"finalized_at": later(0), "paid_at": later(0)},
            "subtotal": PRICE_OF,
            "subtotal_excluding_tax": PRICE_OF,
            "total": PRICE_OF,
            "total_excluding_tax": PRICE_OF,
        },
        then={"subscription": {"latest_invoice": Of("invoice")}},
    ),
    Entry(
        name="line_item",
        of="invoice",
        values={
            "amount": PRICE_OF,
            "description": Of("product", "name"),
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "proration_details": None,
                    "subscription": Of("subscription"),
                    "subscription_item": Of("subscription_item"),
                },
                "type": "subscription_item_details",
            },
            "period": MONTH,
            "pricing": PRICING,
            "subscription": Of("subscription"),
            "subtotal": PRICE_OF,
        },
    ),
    Entry(
        name="invoiceitem",
        values={"amount": PRICE_OF, "customer": CUSTOMER, "period": MONTH, "pricing": PRICING},
    ),
)
PAYMENT = (
    Entry(
        name="payment_intent",
        values={
            "amount": PRICE_OF,
            "confirm": True,
            "customer": CUSTOMER,
            "description": Of("invoice", "number"),
            "off_session": True,
            "payment_method": Of("payment_method"),
        },
    ),
    Entry(name="charge", found=Of("payment_intent", "latest_charge")),
    found_movement(
        "charge",
        fee=card_fee,
        fee_details=[fee_detail(card_fee)],
        net=lambda made: integer(made["charge"]["amount"]) - card_fee(made),
    ),
    Entry(
        name="invoice_payment",
        values={
            "amount_paid": PRICE_OF,
            "amount_requested": PRICE_OF,
            "invoice": Of("invoice"),
            "payment": {"payment_intent": Of("payment_intent"), "type": "payment_intent"},
            "status": "paid",
            "status_transitions": {"paid_at": later(0)},
        },
    ),
    Entry(name="refund", values={"amount": REFUNDED, "charge": Of("charge")}),
    found_movement("refund"),
    Entry(
        name="credit_note",
        values={
            "amount": REFUNDED,
            "customer": CUSTOMER,
            "invoice": Of("invoice"),
            "number": text("MAGAZINE-", "-CN-01"),
            "post_payment_amount": REFUNDED,
            "refunds": [
                {
                    "amount_refunded": REFUNDED,
                    "payment_record_refund": None,
                    "refund": Of("refund"),
                    "type": "refund",
                }
            ],
            "subtotal": REFUNDED,
            "subtotal_excluding_tax": REFUNDED,
            "total": REFUNDED,
            "total_excluding_tax": REFUNDED,
            "type": "post_payment",
        },
        then={"invoice": {"post_payment_credit_notes_amount": REFUNDED}},
    ),
    Entry(
        name="credit_note_line_item",
        of="credit_note",
        values={"amount": REFUNDED, "invoice_line_item": Of("line_item")},
    ),
    Entry(
        name="dispute",
        values={"amount": DISPUTED, "charge": Of("charge"), "payment_intent": Of("payment_intent")},
        then={"charge": {"disputed": True}},
    ),
    Entry(
        name="review",
        values={"charge": Of("charge"), "payment_intent": Of("payment_intent")},
        then={"charge": {"review": Of("review")}, "payment_intent": {"review": Of("review")}},
    ),
    Entry(name="radar.early_fraud_warning", values={"charge": Of("charge"), "payment_intent": Of("payment_intent")}),
)
