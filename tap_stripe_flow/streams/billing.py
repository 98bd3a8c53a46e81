"""Streams of billing: subscriptions, quotes, invoices and credit notes, with their line items."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import ChildOf, StreamSpec

SUBSCRIPTIONS = StreamSpec(
    name="subscriptions",
    kind="subscription",
    path="/v1/subscriptions",
    permission="rak_subscription_read",
    filters={"status": "all"},  # by default Stripe leaves out canceled ones
    events=(
        "customer.subscription.deleted",  # canceled: it can still be read
        "customer.subscription.paused",
        "customer.subscription.pending_update_applied",
        "customer.subscription.pending_update_expired",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
    ),
)
SUBSCRIPTION_ITEMS = StreamSpec(
    name="subscription_items",
    kind="subscription_item",
    path="/v1/subscription_items",
    permission="rak_subscription_read",
    child_of=ChildOf(parent=SUBSCRIPTIONS, list_member="items", parent_filter="subscription"),
)
SUBSCRIPTION_SCHEDULES = StreamSpec(
    name="subscription_schedules",
    kind="subscription_schedule",
    path="/v1/subscription_schedules",
    permission="rak_subscription_read",
    events=(
        "subscription_schedule.aborted",
        "subscription_schedule.canceled",
        "subscription_schedule.completed",
        "subscription_schedule.expiring",
        "subscription_schedule.released",
        "subscription_schedule.updated",
    ),
)
QUOTES = StreamSpec(name="quotes", kind="quote", path="/v1/quotes", permission="rak_quote_read", stamp=None)
INVOICES = StreamSpec(
    name="invoices",
    kind="invoice",
    path="/v1/invoices",
    permission="rak_invoice_read",
    events=(
        "invoice.finalization_failed",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.overdue",
        "invoice.overpaid",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_attempt_required",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.sent",
        "invoice.updated",
        "invoice.voided",
        "invoice.will_be_due",
    ),
    deleted_by=("invoice.deleted",),
)
INVOICE_LINE_ITEMS = StreamSpec(
    name="invoice_line_items",
    kind="line_item",
    path="/v1/invoices/{id}/lines",
    permission="rak_invoice_read",
    child_of=ChildOf(parent=INVOICES, list_member="lines"),
)
INVOICE_ITEMS = StreamSpec(
    name="invoice_items",
    kind="invoiceitem",
    path="/v1/invoiceitems",
    permission="rak_invoice_read",
    stamp="date",
    deleted_by=("invoiceitem.deleted",),
)
INVOICE_PAYMENTS = StreamSpec(
    name="invoice_payments",
    kind="invoice_payment",
    path="/v1/invoice_payments",
    permission="rak_invoice_read",
    events=("invoice_payment.paid",),
)
CREDIT_NOTES = StreamSpec(
    name="credit_notes",
    kind="credit_note",
    path="/v1/credit_notes",
    permission="rak_credit_note_read",
    events=("credit_note.updated", "credit_note.voided"),
)
CREDIT_NOTE_LINE_ITEMS = StreamSpec(
    name="credit_note_line_items",
    kind="credit_note_line_item",
    path="/v1/credit_notes/{id}/lines",
    permission="rak_credit_note_read",
    child_of=ChildOf(parent=CREDIT_NOTES, list_member="lines"),
)
BILLING = (
    SUBSCRIPTIONS,
    SUBSCRIPTION_ITEMS,
    SUBSCRIPTION_SCHEDULES,
    QUOTES,
    INVOICES,
    INVOICE_LINE_ITEMS,
    INVOICE_ITEMS,
    INVOICE_PAYMENTS,
    CREDIT_NOTES,
    CREDIT_NOTE_LINE_ITEMS,
)
