"""Lists of child objects: the line items of an invoice, the sources of a customer and the like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildList:
    """One list of child objects of each object of type `parent`.

    `path` holds the parent's id as `{id}`, or the request names it in the parameter `parent_param`.
    `member`: the parent's field that shows the ten newest; with `is_hidden` only when it is expanded.
    `parent_field`: the child's field that holds the parent's id.
    `default_field`: the parent's field that names a saved card, which is listed as well.
    `created`, `changed`, `deleted`: type of the event of each; None if Stripe has none.
    """

    parent: str
    nouns: tuple[str, ...]
    path: str
    permission: str
    parent_param: str | None = None
    member: str | None = None
    is_hidden: bool = False
    parent_field: str | None = None
    default_field: str | None = None
    created: str | None = None
    changed: str | None = None
    deleted: str | None = None


CHILD_LISTS: tuple[ChildList, ...] = (
    ChildList(
        parent="account",
        nouns=("bank_account", "card"),
        path="/v1/accounts/{id}/external_accounts",
        permission="connected_account",
        member="external_accounts",
        parent_field="account",
    ),
    ChildList(
        parent="account",
        nouns=("person",),
        path="/v1/accounts/{id}/persons",
        permission="connected_account",
        parent_field="account",
    ),
    ChildList(
        parent="application_fee",
        nouns=("fee_refund",),
        path="/v1/application_fees/{id}/refunds",
        permission="application_fee",
        member="refunds",
        parent_field="fee",
        changed="application_fee.refund.updated",
    ),
    ChildList(
        parent="checkout.session",
        nouns=("item",),
        path="/v1/checkout/sessions/{id}/line_items",
        permission="checkout_session",
        member="line_items",
        is_hidden=True,
    ),
    ChildList(
        parent="credit_note",
        nouns=("credit_note_line_item",),
        path="/v1/credit_notes/{id}/lines",
        permission="credit_note",
        member="lines",
    ),
    ChildList(
        parent="customer",
        nouns=("customer_balance_transaction",),
        path="/v1/customers/{id}/balance_transactions",
        permission="customer",
        parent_field="customer",
    ),
    ChildList(
        parent="customer",
        nouns=("customer_cash_balance_transaction",),
        path="/v1/customers/{id}/cash_balance_transactions",
        permission="customer",
        parent_field="customer",
        created="customer_cash_balance_transaction.created",
    ),
    ChildList(
        parent="customer",
        nouns=("card", "bank_account", "source"),
        path="/v1/customers/{id}/sources",
        permission="customer",
        member="sources",
        is_hidden=True,
        parent_field="customer",
        default_field="default_source",
        created="customer.source.created",
        changed="customer.source.updated",
        deleted="customer.source.deleted",
    ),
    ChildList(
        parent="customer",
        nouns=("tax_id",),
        path="/v1/customers/{id}/tax_ids",
        permission="customer",
        member="tax_ids",
        is_hidden=True,
        parent_field="customer",
        created="customer.tax_id.created",
        changed="customer.tax_id.updated",
        deleted="customer.tax_id.deleted",
    ),
    ChildList(
        parent="invoice",
        nouns=("line_item",),
        path="/v1/invoices/{id}/lines",
        permission="invoice",
        member="lines",
        parent_field="invoice",
    ),
    ChildList(
        parent="setup_intent",
        nouns=("setup_attempt",),
        path="/v1/setup_attempts",
        parent_param="setup_intent",
        permission="setup_intent",
        parent_field="setup_intent",
    ),
    ChildList(
        parent="subscription",
        nouns=("subscription_item",),
        path="/v1/subscription_items",
        parent_param="subscription",
        permission="subscription",
        member="items",
        parent_field="subscription",
    ),
    ChildList(
        parent="transfer",
        nouns=("transfer_reversal",),
        path="/v1/transfers/{id}/reversals",
        permission="transfer",
        member="reversals",
        parent_field="transfer",
    ),
)
