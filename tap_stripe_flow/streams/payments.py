"""Streams of payments: charges, refunds, intents, payment methods, disputes and Checkout."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import ChildOf, StreamSpec

CHARGES = StreamSpec(
    name="charges",
    kind="charge",
    path="/v1/charges",
    permission="rak_charge_read",
    events=(
        "charge.captured",
        "charge.expired",
        "charge.failed",
        "charge.pending",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
    ),
    is_default=True,
)
REFUNDS = StreamSpec(
    name="refunds",
    kind="refund",
    path="/v1/refunds",
    permission="rak_charge_read",
    events=("charge.refund.updated", "refund.failed", "refund.updated"),
    is_default=True,
)
PAYMENT_INTENTS = StreamSpec(
    name="payment_intents",
    kind="payment_intent",
    path="/v1/payment_intents",
    permission="rak_payment_intent_read",
    events=(
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.partially_funded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
    ),
)
SETUP_INTENTS = StreamSpec(
    name="setup_intents",
    kind="setup_intent",
    path="/v1/setup_intents",
    permission="rak_setup_intent_read",
    events=(
        "setup_intent.canceled",
        "setup_intent.requires_action",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
    ),
)
SETUP_ATTEMPTS = StreamSpec(
    name="setup_attempts",
    kind="setup_attempt",
    path="/v1/setup_attempts",
    permission="rak_setup_intent_read",
    child_of=ChildOf(parent=SETUP_INTENTS, parent_filter="setup_intent"),
)
PAYMENT_METHODS = StreamSpec(
    name="payment_methods",
    kind="payment_method",
    path="/v1/payment_methods",
    permission="rak_payment_method_read",
    stamp=None,
)
DISPUTES = StreamSpec(
    name="disputes",
    kind="dispute",
    path="/v1/disputes",
    permission="rak_dispute_read",
    events=(
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
    ),
)
REVIEWS = StreamSpec(
    name="reviews",
    kind="review",
    path="/v1/reviews",
    permission="rak_review_read",
    events=("review.closed",),
    list_hides=True,  # it shows open ones only
)
EARLY_FRAUD_WARNINGS = StreamSpec(
    name="early_fraud_warnings",
    kind="radar.early_fraud_warning",
    path="/v1/radar/early_fraud_warnings",
    permission="rak_charge_read",
    events=("radar.early_fraud_warning.updated",),
)
CHECKOUT_SESSIONS = StreamSpec(
    name="checkout_sessions",
    kind="checkout.session",
    path="/v1/checkout/sessions",
    permission="rak_checkout_session_read",
    events=(
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
    ),
)
CHECKOUT_SESSION_LINE_ITEMS = StreamSpec(
    name="checkout_session_line_items",
    kind="item",
    path="/v1/checkout/sessions/{id}/line_items",
    permission="rak_checkout_session_read",
    child_of=ChildOf(parent=CHECKOUT_SESSIONS, list_member="line_items", needs_expand=True),
)
PAYMENT_LINKS = StreamSpec(
    name="payment_links", kind="payment_link", path="/v1/payment_links", permission="rak_payment_links_read", stamp=None
)
PAYMENTS = (
    CHARGES,
    REFUNDS,
    PAYMENT_INTENTS,
    SETUP_INTENTS,
    SETUP_ATTEMPTS,
    PAYMENT_METHODS,
    DISPUTES,
    REVIEWS,
    EARLY_FRAUD_WARNINGS,
    CHECKOUT_SESSIONS,
    CHECKOUT_SESSION_LINE_ITEMS,
    PAYMENT_LINKS,
)
