"""Streams of Issuing: cards that the account issues, and the payments made with them."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import StreamSpec

ISSUING = (
    StreamSpec(
        name="issuing_authorizations",
        kind="issuing.authorization",
        path="/v1/issuing/authorizations",
        permission="rak_issuing_authorization_read",
        events=("issuing_authorization.updated",),
    ),
    StreamSpec(
        name="issuing_cardholders",
        kind="issuing.cardholder",
        path="/v1/issuing/cardholders",
        permission="rak_issuing_cardholder_read",
        events=("issuing_cardholder.updated",),
    ),
    StreamSpec(
        name="issuing_cards",
        kind="issuing.card",
        path="/v1/issuing/cards",
        permission="rak_issuing_card_read",
        events=("issuing_card.updated",),
    ),
    StreamSpec(
        name="issuing_disputes",
        kind="issuing.dispute",
        path="/v1/issuing/disputes",
        permission="rak_issuing_dispute_read",
        events=(
            "issuing_dispute.closed",
            "issuing_dispute.funds_reinstated",
            "issuing_dispute.funds_rescinded",
            "issuing_dispute.submitted",
            "issuing_dispute.updated",
        ),
    ),
    StreamSpec(
        name="issuing_transactions",
        kind="issuing.transaction",
        path="/v1/issuing/transactions",
        permission="rak_issuing_transaction_read",
        events=("issuing_transaction.purchase_details_receipt_updated", "issuing_transaction.updated"),
    ),
)
