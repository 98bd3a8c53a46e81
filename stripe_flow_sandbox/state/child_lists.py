"""Lists of child objects: the line items of an invoice, the sources of a customer and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ChildList:
    """One list of child objects of each object of type `parent`.

    `path` holds the parent's id as `{id}`, or the request names it in the parameter `parent_param`.
    `member`: the parent's field that shows the ten newest; with `is_hidden` only when it is expanded.
    `parent_field`: the child's field that holds the parent's id.
    `members`: members that all children have.
    `filters`: the child's fields that the list can be filtered on.
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
    members: Mapping[str, object] = field(default_factory=dict)
    filters: tuple[str, ...] = ()
    default_field: str | None = None
    created: str | None = None
    changed: str | None = None
    deleted: str | None = None


CHILD_LISTS: tuple[ChildList, ...] = (
    ChildList(
        "account",
        ("bank_account", "card"),
        "/v1/accounts/{id}/external_accounts",
        "connected_account",
        member="external_accounts",
        parent_field="account",
    ),
    ChildList("account", ("person",), "/v1/accounts/{id}/persons", "connected_account", parent_field="account"),
    ChildList(
        "application_fee",
        ("fee_refund",),
        "/v1/application_fees/{id}/refunds",
        "application_fee",
        member="refunds",
        parent_field="fee",
        changed="application_fee.refund.updated",
    ),
    ChildList(
        "checkout.session",
        ("item",),
        "/v1/checkout/sessions/{id}/line_items",
        "checkout_session",
        member="line_items",
        is_hidden=True,
    ),
    ChildList("credit_note", ("credit_note_line_item",), "/v1/credit_notes/{id}/lines", "credit_note", member="lines"),
    ChildList(
        "customer",
        ("customer_balance_transaction",),
        "/v1/customers/{id}/balance_transactions",
        "customer",
        parent_field="customer",
    ),
    ChildList(
        "customer",
        ("customer_cash_balance_transaction",),
        "/v1/customers/{id}/cash_balance_transactions",
        "customer",
        parent_field="customer",
        created="customer_cash_balance_transaction.created",
    ),
    ChildList(
        "customer",
        ("card", "bank_account", "source"),
        "/v1/customers/{id}/sources",
        "customer",
        member="sources",
        is_hidden=True,
        parent_field="customer",
        filters=("object",),
        default_field="default_source",
        created="customer.source.created",
        changed="customer.source.updated",
        deleted="customer.source.deleted",
    ),
    ChildList(
        "customer",
        ("tax_id",),
        "/v1/customers/{id}/tax_ids",
        "customer",
        member="tax_ids",
        is_hidden=True,
        parent_field="customer",
        members={"owner": {"type": "customer"}},
        created="customer.tax_id.created",
        changed="customer.tax_id.updated",
        deleted="customer.tax_id.deleted",
    ),
    ChildList("invoice", ("line_item",), "/v1/invoices/{id}/lines", "invoice", member="lines", parent_field="invoice"),
    ChildList(
        "setup_intent",
        ("setup_attempt",),
        "/v1/setup_attempts",
        "setup_intent",
        parent_param="setup_intent",
        parent_field="setup_intent",
    ),
    ChildList(
        "subscription",
        ("subscription_item",),
        "/v1/subscription_items",
        "subscription",
        parent_param="subscription",
        member="items",
        parent_field="subscription",
    ),
    ChildList(
        "transfer",
        ("transfer_reversal",),
        "/v1/transfers/{id}/reversals",
        "transfer",
        member="reversals",
        parent_field="transfer",
    ),
)
