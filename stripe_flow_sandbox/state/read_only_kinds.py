"""Kinds of objects that the sandbox only shows: its controls make, change and delete them, as other parts of Stripe do.

Each is Stripe's example object with an id, a time and links of its own. What belongs to an object is kept with it;
where Stripe shows it inside, the object holds the newest ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One kind. `stamp` is the member that holds its time, None where its list cannot be cut by it. `leaves_out`: by
    member, what the list does not show unless that member is asked for.
    """

    noun: str
    path: str
    right: str
    stamp: str | None = "created"
    changed: str | None = None  # the event that tells
    deleted: str | None = None
    leaves_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What belongs to each object of the kind `of`.

    Listed at `path`, with the id in it or as the parameter `by`. `member` of the object shows them, `is_hidden` until
    it is expanded; `link` is their own member that names the object; `default` is the object's member that names a
    saved card among them. `made`, `changed` and `deleted` are the events that tell.
    """

    of: str
    nouns: tuple[str, ...]
    path: str
    right: str
    by: str | None = None
    member: str | None = None
    is_hidden: bool = False
    link: str | None = None
    default: str | None = None
    made: str | None = None
    changed: str | None = None
    deleted: str | None = None


SHELVES: tuple[Shelf, ...] = (
    Shelf(noun="account", path="/v1/accounts", right="connected_account"),
    Shelf(
        noun="application_fee",
        path="/v1/application_fees",
        right="application_fee",
        changed="application_fee.refunded",
    ),
    Shelf(noun="balance_transaction", path="/v1/balance_transactions", right="balance_transaction_source"),
    Shelf(
        noun="checkout.session",
        path="/v1/checkout/sessions",
        right="checkout_session",
        changed="checkout.session.completed",
    ),
    Shelf(noun="country_spec", path="/v1/country_specs", right="connected_account", stamp=None),
    Shelf(noun="coupon", path="/v1/coupons", right="coupon", changed="coupon.updated", deleted="coupon.deleted"),
    Shelf(noun="credit_note", path="/v1/credit_notes", right="credit_note", changed="credit_note.updated"),
    Shelf(noun="dispute", path="/v1/disputes", right="dispute", changed="charge.dispute.updated"),
    Shelf(noun="file_link", path="/v1/file_links", right="file"),
    Shelf(
        noun="invoice",
        path="/v1/invoices",
        right="invoice",
        changed="invoice.updated",
        deleted="invoice.deleted",
    ),
    Shelf(noun="invoice_payment", path="/v1/invoice_payments", right="invoice", changed="invoice_payment.paid"),
    Shelf(noun="invoiceitem", path="/v1/invoiceitems", right="invoice", stamp="date", deleted="invoiceitem.deleted"),
    Shelf(
        noun="issuing.authorization",
        path="/v1/issuing/authorizations",
        right="issuing_authorization",
        changed="issuing_authorization.updated",
    ),
    Shelf(noun="issuing.card", path="/v1/issuing/cards", right="issuing_card", changed="issuing_card.updated"),
    Shelf(
        noun="issuing.cardholder",
        path="/v1/issuing/cardholders",
        right="issuing_cardholder",
        changed="issuing_cardholder.updated",
    ),
    Shelf(
        noun="issuing.dispute", path="/v1/issuing/disputes", right="issuing_dispute", changed="issuing_dispute.updated"
    ),
    Shelf(
        noun="issuing.transaction",
        path="/v1/issuing/transactions",
        right="issuing_transaction",
        changed="issuing_transaction.updated",
    ),
    Shelf(noun="payment_link", path="/v1/payment_links", right="payment_links", stamp=None),
    Shelf(noun="payout", path="/v1/payouts", right="payout", changed="payout.updated"),
    Shelf(noun="plan", path="/v1/plans", right="plan", changed="plan.updated", deleted="plan.deleted"),
    Shelf(noun="promotion_code", path="/v1/promotion_codes", right="promotion_code", changed="promotion_code.updated"),
    Shelf(noun="quote", path="/v1/quotes", right="quote", stamp=None),
    Shelf(
        noun="radar.early_fraud_warning",
        path="/v1/radar/early_fraud_warnings",
        right="charge",
        changed="radar.early_fraud_warning.updated",
    ),
    Shelf(noun="review", path="/v1/reviews", right="review", changed="review.closed"),
    Shelf(noun="setup_intent", path="/v1/setup_intents", right="setup_intent", changed="setup_intent.succeeded"),
    Shelf(noun="shipping_rate", path="/v1/shipping_rates", right="shipping_rate"),
    Shelf(
        noun="subscription",
        path="/v1/subscriptions",
        right="subscription",
        changed="customer.subscription.updated",
        leaves_out={"status": "canceled"},
    ),
    Shelf(
        noun="subscription_schedule",
        path="/v1/subscription_schedules",
        right="subscription",
        changed="subscription_schedule.updated",
    ),
    Shelf(noun="tax_code", path="/v1/tax_codes", right="product", stamp=None),
    Shelf(noun="tax_id", path="/v1/tax_ids", right="customer", stamp=None),
    Shelf(noun="tax_rate", path="/v1/tax_rates", right="tax_rate", changed="tax_rate.updated"),
    Shelf(noun="topup", path="/v1/topups", right="top_up", changed="topup.succeeded"),
    Shelf(noun="transfer", path="/v1/transfers", right="transfer", changed="transfer.updated"),
    Shelf(noun="webhook_endpoint", path="/v1/webhook_endpoints", right="webhook", stamp=None),
)
PARTS: tuple[Parts, ...] = (
    Parts(
        of="account",
        nouns=("bank_account", "card"),
        path="/v1/accounts/{id}/external_accounts",
        right="connected_account",
        member="external_accounts",
        link="account",
    ),
    Parts(of="account", nouns=("person",), path="/v1/accounts/{id}/persons", right="connected_account", link="account"),
    Parts(
        of="application_fee",
        nouns=("fee_refund",),
        path="/v1/application_fees/{id}/refunds",
        right="application_fee",
        member="refunds",
        link="fee",
        changed="application_fee.refund.updated",
    ),
    Parts(
        of="checkout.session",
        nouns=("item",),
        path="/v1/checkout/sessions/{id}/line_items",
        right="checkout_session",
        member="line_items",
        is_hidden=True,
    ),
    Parts(
        of="credit_note",
        nouns=("credit_note_line_item",),
        path="/v1/credit_notes/{id}/lines",
        right="credit_note",
        member="lines",
    ),
    Parts(
        of="customer",
        nouns=("customer_balance_transaction",),
        path="/v1/customers/{id}/balance_transactions",
        right="customer",
        link="customer",
    ),
    Parts(
        of="customer",
        nouns=("customer_cash_balance_transaction",),
        path="/v1/customers/{id}/cash_balance_transactions",
        right="customer",
        link="customer",
        made="customer_cash_balance_transaction.created",
    ),
    Parts(
        of="customer",
        nouns=("card", "bank_account", "source"),
        path="/v1/customers/{id}/sources",
        right="customer",
        member="sources",
        is_hidden=True,
        link="customer",
        default="default_source",
        made="customer.source.created",
        changed="customer.source.updated",
        deleted="customer.source.deleted",
    ),
    Parts(
        of="customer",
        nouns=("tax_id",),
        path="/v1/customers/{id}/tax_ids",
        right="customer",
        member="tax_ids",
        is_hidden=True,
        link="customer",
        made="customer.tax_id.created",
        changed="customer.tax_id.updated",
        deleted="customer.tax_id.deleted",
    ),
    Parts(
        of="invoice",
        nouns=("line_item",),
        path="/v1/invoices/{id}/lines",
        right="invoice",
        member="lines",
        link="invoice",
    ),
    Parts(
        of="setup_intent",
        nouns=("setup_attempt",),
        path="/v1/setup_attempts",
        by="setup_intent",
        right="setup_intent",
        link="setup_intent",
    ),
    Parts(
        of="subscription",
        nouns=("subscription_item",),
        path="/v1/subscription_items",
        by="subscription",
        right="subscription",
        member="items",
        link="subscription",
    ),
    Parts(
        of="transfer",
        nouns=("transfer_reversal",),
        path="/v1/transfers/{id}/reversals",
        right="transfer",
        member="reversals",
        link="transfer",
    ),
)
