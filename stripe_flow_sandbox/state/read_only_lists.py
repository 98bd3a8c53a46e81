"""Read-only resources: object types that no API call of the sandbox creates, changes or deletes.

The controls under `/_sandbox/objects` do that, as other parts of Stripe would. A new object is Stripe's example with
an id, a time and links of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnlyList:
    """One read-only resource.

    `time`: the field that the list's `created` filters on; None if the list has no such parameter.
    `changed`, `deleted`: type of the event of a change or deletion; None if Stripe has none.
    `left_out_by_default`: field → the value that the list leaves out unless the request filters on that field.
    """

    noun: str
    path: str
    permission: str
    time: str | None = "created"
    changed: str | None = None
    deleted: str | None = None
    left_out_by_default: Mapping[str, str] = field(default_factory=dict)


READ_ONLY_LISTS: tuple[ReadOnlyList, ...] = (
    ReadOnlyList(noun="account", path="/v1/accounts", permission="connected_account"),
    ReadOnlyList(
        noun="application_fee",
        path="/v1/application_fees",
        permission="application_fee",
        changed="application_fee.refunded",
    ),
    ReadOnlyList(noun="balance_transaction", path="/v1/balance_transactions", permission="balance_transaction_source"),
    ReadOnlyList(
        noun="checkout.session",
        path="/v1/checkout/sessions",
        permission="checkout_session",
        changed="checkout.session.completed",
    ),
    ReadOnlyList(noun="country_spec", path="/v1/country_specs", permission="connected_account", time=None),
    ReadOnlyList(
        noun="coupon", path="/v1/coupons", permission="coupon", changed="coupon.updated", deleted="coupon.deleted"
    ),
    ReadOnlyList(noun="credit_note", path="/v1/credit_notes", permission="credit_note", changed="credit_note.updated"),
    ReadOnlyList(noun="dispute", path="/v1/disputes", permission="dispute", changed="charge.dispute.updated"),
    ReadOnlyList(noun="file_link", path="/v1/file_links", permission="file"),
    ReadOnlyList(
        noun="invoice", path="/v1/invoices", permission="invoice", changed="invoice.updated", deleted="invoice.deleted"
    ),
    ReadOnlyList(
        noun="invoice_payment", path="/v1/invoice_payments", permission="invoice", changed="invoice_payment.paid"
    ),
    ReadOnlyList(
        noun="invoiceitem", path="/v1/invoiceitems", permission="invoice", time="date", deleted="invoiceitem.deleted"
    ),
    ReadOnlyList(
        noun="issuing.authorization",
        path="/v1/issuing/authorizations",
        permission="issuing_authorization",
        changed="issuing_authorization.updated",
    ),
    ReadOnlyList(
        noun="issuing.card", path="/v1/issuing/cards", permission="issuing_card", changed="issuing_card.updated"
    ),
    ReadOnlyList(
        noun="issuing.cardholder",
        path="/v1/issuing/cardholders",
        permission="issuing_cardholder",
        changed="issuing_cardholder.updated",
    ),
    ReadOnlyList(
        noun="issuing.dispute",
        path="/v1/issuing/disputes",
        permission="issuing_dispute",
        changed="issuing_dispute.updated",
    ),
    ReadOnlyList(
        noun="issuing.transaction",
        path="/v1/issuing/transactions",
        permission="issuing_transaction",
        changed="issuing_transaction.updated",
    ),
    ReadOnlyList(noun="payment_link", path="/v1/payment_links", permission="payment_links", time=None),
    ReadOnlyList(noun="payout", path="/v1/payouts", permission="payout", changed="payout.updated"),
    ReadOnlyList(noun="plan", path="/v1/plans", permission="plan", changed="plan.updated", deleted="plan.deleted"),
    ReadOnlyList(
        noun="promotion_code", path="/v1/promotion_codes", permission="promotion_code", changed="promotion_code.updated"
    ),
    ReadOnlyList(noun="quote", path="/v1/quotes", permission="quote", time=None),
    ReadOnlyList(
        noun="radar.early_fraud_warning",
        path="/v1/radar/early_fraud_warnings",
        permission="charge",
        changed="radar.early_fraud_warning.updated",
    ),
    ReadOnlyList(noun="review", path="/v1/reviews", permission="review", changed="review.closed"),
    ReadOnlyList(
        noun="setup_intent", path="/v1/setup_intents", permission="setup_intent", changed="setup_intent.succeeded"
    ),
    ReadOnlyList(noun="shipping_rate", path="/v1/shipping_rates", permission="shipping_rate"),
    ReadOnlyList(
        noun="subscription",
        path="/v1/subscriptions",
        permission="subscription",
        changed="customer.subscription.updated",
        left_out_by_default={"status": "canceled"},
    ),
    ReadOnlyList(
        noun="subscription_schedule",
        path="/v1/subscription_schedules",
        permission="subscription",
        changed="subscription_schedule.updated",
    ),
    ReadOnlyList(noun="tax_code", path="/v1/tax_codes", permission="product", time=None),
    ReadOnlyList(noun="tax_id", path="/v1/tax_ids", permission="customer", time=None),
    ReadOnlyList(noun="tax_rate", path="/v1/tax_rates", permission="tax_rate", changed="tax_rate.updated"),
    ReadOnlyList(noun="topup", path="/v1/topups", permission="top_up", changed="topup.succeeded"),
    ReadOnlyList(noun="transfer", path="/v1/transfers", permission="transfer", changed="transfer.updated"),
    ReadOnlyList(noun="webhook_endpoint", path="/v1/webhook_endpoints", permission="webhook", time=None),
)
