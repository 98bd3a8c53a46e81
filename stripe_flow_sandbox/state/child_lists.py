"""The child objects that the sandbox keeps with their parent, and where Stripe lists them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildList:
    """What belongs to each object of the kind `of`.

    Listed at `path`, with the id in it or as the parameter `by`. `member` of the object shows them, `is_hidden` until
    it is expanded; `link` is their own member that names the object; `default` is the object's member that names a
    saved card among them. `made`, `changed` and `deleted` are the events that tell.
    """

    of: str
    nouns: tuple[str, ...]
    path: str
    permission: str
    by: str | None = None
    member: str | None = None
    is_hidden: bool = False
    link: str | None = None
    default: str | None = None
    made: str | None = None
    changed: str | None = None
    deleted: str | None = None


CHILD_LISTS: tuple[ChildList, ...] = (
    ChildList(
        of="account",
        nouns=("bank_account", "card"),
        path="/v1/accounts/{id}/external_accounts",
        permission="connected_account",
        member="external_accounts",
        link="account",
    ),
    ChildList(
        of="account",
        nouns=("person",),
        path="/v1/accounts/{id}/persons",
        permission="connected_account",
        link="account",
    ),
    ChildList(
        of="application_fee",
        nouns=("fee_refund",),
        path="/v1/application_fees/{id}/refunds",
        permission="application_fee",
        member="refunds",
        link="fee",
        changed="application_fee.refund.updated",
    ),
    ChildList(
        of="checkout.session",
        nouns=("item",),
        path="/v1/checkout/sessions/{id}/line_items",
        permission="checkout_session",
        member="line_items",
        is_hidden=True,
    ),
    ChildList(
        of="credit_note",
        nouns=("credit_note_line_item",),
        path="/v1/credit_notes/{id}/lines",
        permission="credit_note",
        member="lines",
    ),
    ChildList(
        of="customer",
        nouns=("customer_balance_transaction",),
        path="/v1/customers/{id}/balance_transactions",
        permission="customer",
        link="customer",
    ),
    ChildList(
        of="customer",
        nouns=("customer_cash_balance_transaction",),
        path="/v1/customers/{id}/cash_balance_transactions",
        permission="customer",
        link="customer",
        made="customer_cash_balance_transaction.created",
    ),
    ChildList(
        of="customer",
        nouns=("card", "bank_account", "source"),
        path="/v1/customers/{id}/sources",
        permission="customer",
        member="sources",
        is_hidden=True,
        link="customer",
        default="default_source",
        made="customer.source.created",
        changed="customer.source.updated",
        deleted="customer.source.deleted",
    ),
    ChildList(
        of="customer",
        nouns=("tax_id",),
        path="/v1/customers/{id}/tax_ids",
        permission="customer",
        member="tax_ids",
        is_hidden=True,
        link="customer",
        made="customer.tax_id.created",
        changed="customer.tax_id.updated",
        deleted="customer.tax_id.deleted",
    ),
    ChildList(
        of="invoice",
        nouns=("line_item",),
        path="/v1/invoices/{id}/lines",
        permission="invoice",
        member="lines",
        link="invoice",
    ),
    ChildList(
        of="setup_intent",
        nouns=("setup_attempt",),
        path="/v1/setup_attempts",
        by="setup_intent",
        permission="setup_intent",
        link="setup_intent",
    ),
    ChildList(
        of="subscription",
        nouns=("subscription_item",),
        path="/v1/subscription_items",
        by="subscription",
        permission="subscription",
        member="items",
        link="subscription",
    ),
    ChildList(
        of="transfer",
        nouns=("transfer_reversal",),
        path="/v1/transfers/{id}/reversals",
        permission="transfer",
        member="reversals",
        link="transfer",
    ),
)
