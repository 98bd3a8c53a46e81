"""Read-only resources: object types that no API call of the sandbox creates, changes or deletes.

The controls under `/_sandbox/objects` do that, as other parts of Stripe would. A new object is Stripe's example with
an id, a time and links of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The hidden fact of a payout: the ids of its balance transactions.
PAID_OUT = "balance_transactions"


@dataclass(frozen=True, slots=True)
class ReadOnlyList:
    """One read-only resource.

    `time`: the field that the list's `created` filters on; None if the list has no such parameter.
    `changed`, `deleted`: type of the event of a change or deletion; None if Stripe has none.
    `left_out_by_default`: field → the value that the list leaves out unless the request filters on that field.
    `shows_only`: field → the one value that objects in the list have; others can only be read by their ids.
    `filters`: fields that the list can be filtered on.
    `fact_filters`: parameter with the id of another object → that object's hidden fact with the ids of the matches.
    `clock_params`: the filters of which one shows the objects on test clocks, which the list hides; empty without any.
    """

    noun: str
    path: str
    permission: str
    time: str | None = "created"
    changed: str | None = None
    deleted: str | None = None
    left_out_by_default: Mapping[str, str] = field(default_factory=dict)
    shows_only: Mapping[str, str] = field(default_factory=dict)
    filters: tuple[str, ...] = ()
    fact_filters: Mapping[str, str] = field(default_factory=dict)
    clock_params: tuple[str, ...] = ()


READ_ONLY_LISTS: tuple[ReadOnlyList, ...] = (
    ReadOnlyList("account", "/v1/accounts", "connected_account"),
    ReadOnlyList("application_fee", "/v1/application_fees", "application_fee", changed="application_fee.refunded"),
    ReadOnlyList(
        "balance_transaction",
        "/v1/balance_transactions",
        "balance_transaction_source",
        filters=("currency", "source", "type"),
        fact_filters={"payout": PAID_OUT},
    ),
    ReadOnlyList("checkout.session", "/v1/checkout/sessions", "checkout_session", changed="checkout.session.completed"),
    ReadOnlyList("country_spec", "/v1/country_specs", "connected_account", time=None),
    ReadOnlyList("coupon", "/v1/coupons", "coupon", changed="coupon.updated", deleted="coupon.deleted"),
    ReadOnlyList("credit_note", "/v1/credit_notes", "credit_note", changed="credit_note.updated"),
    ReadOnlyList("dispute", "/v1/disputes", "dispute", changed="charge.dispute.updated"),
    ReadOnlyList("file_link", "/v1/file_links", "file"),
    ReadOnlyList("invoice", "/v1/invoices", "invoice", changed="invoice.updated", deleted="invoice.deleted"),
    ReadOnlyList("invoice_payment", "/v1/invoice_payments", "invoice", changed="invoice_payment.paid"),
    ReadOnlyList("invoiceitem", "/v1/invoiceitems", "invoice", time="date", deleted="invoiceitem.deleted"),
    ReadOnlyList(
        "issuing.authorization",
        "/v1/issuing/authorizations",
        "issuing_authorization",
        changed="issuing_authorization.updated",
    ),
    ReadOnlyList("issuing.card", "/v1/issuing/cards", "issuing_card", changed="issuing_card.updated"),
    ReadOnlyList(
        "issuing.cardholder", "/v1/issuing/cardholders", "issuing_cardholder", changed="issuing_cardholder.updated"
    ),
    ReadOnlyList("issuing.dispute", "/v1/issuing/disputes", "issuing_dispute", changed="issuing_dispute.updated"),
    ReadOnlyList(
        "issuing.transaction", "/v1/issuing/transactions", "issuing_transaction", changed="issuing_transaction.updated"
    ),
    ReadOnlyList("payment_link", "/v1/payment_links", "payment_links", time=None),
    ReadOnlyList("payout", "/v1/payouts", "payout", changed="payout.updated"),
    ReadOnlyList("plan", "/v1/plans", "plan", changed="plan.updated", deleted="plan.deleted"),
    ReadOnlyList("promotion_code", "/v1/promotion_codes", "promotion_code", changed="promotion_code.updated"),
    ReadOnlyList("quote", "/v1/quotes", "quote", time=None, clock_params=("test_clock", "customer")),
    ReadOnlyList(
        "radar.early_fraud_warning",
        "/v1/radar/early_fraud_warnings",
        "charge",
        changed="radar.early_fraud_warning.updated",
    ),
    ReadOnlyList("review", "/v1/reviews", "review", changed="review.closed", shows_only={"open": "true"}),
    ReadOnlyList("setup_intent", "/v1/setup_intents", "setup_intent", changed="setup_intent.succeeded"),
    ReadOnlyList("shipping_rate", "/v1/shipping_rates", "shipping_rate"),
    ReadOnlyList(
        "subscription",
        "/v1/subscriptions",
        "subscription",
        changed="customer.subscription.updated",
        left_out_by_default={"status": "canceled"},
        clock_params=("test_clock", "customer"),
    ),
    ReadOnlyList(
        "subscription_schedule",
        "/v1/subscription_schedules",
        "subscription",
        changed="subscription_schedule.updated",
        clock_params=("customer",),
    ),
    ReadOnlyList("tax_code", "/v1/tax_codes", "product", time=None),
    ReadOnlyList("tax_id", "/v1/tax_ids", "customer", time=None),
    ReadOnlyList("tax_rate", "/v1/tax_rates", "tax_rate", changed="tax_rate.updated"),
    ReadOnlyList("topup", "/v1/topups", "top_up", changed="topup.succeeded"),
    ReadOnlyList("transfer", "/v1/transfers", "transfer", changed="transfer.updated"),
    ReadOnlyList("webhook_endpoint", "/v1/webhook_endpoints", "webhook", time=None),
)
