"""The shop's Checkout, Connect, Issuing and payouts."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import integer
from stripe_flow_sandbox.furnish.terms import (
    CUSTOMER,
    DISPUTE_FEE,
    DISPUTED,
    FEE,
    FEE_REFUNDED,
    REVERSED,
    SPENT,
    TOPPED_UP,
    TOTALS,
    TRANSFERRED,
    fee_detail,
    later,
    movement,
)
from stripe_flow_sandbox.furnish.values import Entry, Of, Round
from stripe_flow_sandbox.state.read_only_lists import PAID_OUT

CHECKOUT = (
    Entry(name="payment_link"),
    Entry(
        name="checkout.session",
        values={
            **TOTALS,
            "currency": "usd",
            "customer": CUSTOMER,
            "customer_details": {"email": Of("customer", "email"), "name": Of("customer", "name")},
            "invoice": Of("invoice"),
            "mode": "subscription",
            "payment_intent": None,
            "payment_link": Of("payment_link"),
            "payment_status": "paid",
            "status": "complete",
            "subscription": Of("subscription"),
            "url": None,
        },
    ),
    Entry(
        name="item",
        of="checkout.session",
        values={**TOTALS, "description": Of("product", "name"), "price": Of("price", None)},
    ),
    Entry(
        name="quote",
        values={
            **TOTALS,
            "customer": CUSTOMER,
            "invoice": Of("invoice"),
            "status": "accepted",
            "status_transitions": {"accepted_at": later(0), "finalized_at": later(0)},
            "subscription": Of("subscription"),
        },
    ),
)
CONNECT = (
    Entry(
        name="transfer",
        values={"amount": TRANSFERRED, "destination": Of("account"), "source_transaction": Of("charge")},
    ),
    movement("transfer", -TRANSFERRED, "transfer", "transfer"),
    Entry(
        name="transfer_reversal",
        of="transfer",
        values={"amount": REVERSED, "source_refund": Of("refund")},
        then={"transfer": {"amount_reversed": REVERSED}},
    ),
    movement("transfer_reversal", REVERSED, "transfer_refund", "transfer_reversal"),
    Entry(
        name="application_fee",
        values={
            "account": Of("account"),
            "amount": FEE,
            "charge": Of("charge"),
            "fee_source": {"charge": Of("charge"), "type": "charge"},
        },
        then={"charge": {"application_fee": Of("application_fee"), "application_fee_amount": FEE}},
    ),
    movement("application_fee", FEE, "application_fee", "platform_earning"),
    Entry(
        name="fee_refund",
        of="application_fee",
        values={"amount": FEE_REFUNDED},
        then={"application_fee": {"amount_refunded": FEE_REFUNDED}},
    ),
    movement("fee_refund", -FEE_REFUNDED, "application_fee_refund", "platform_earning_refund"),
)
ISSUING = (
    Entry(name="issuing.cardholder"),
    Entry(name="issuing.card", values={"cardholder": Of("issuing.cardholder", None)}),
    Entry(
        name="issuing.authorization",
        values={"amount": SPENT, "card": Of("issuing.card", None), "cardholder": Of("issuing.cardholder")},
    ),
    Entry(
        name="issuing.transaction",
        values={
            "amount": -SPENT,
            "authorization": Of("issuing.authorization"),
            "card": Of("issuing.card"),
            "cardholder": Of("issuing.cardholder"),
        },
    ),
    movement("issuing.transaction", -SPENT, "issuing_transaction", "issuing_transaction", balance_type="issuing"),
    Entry(
        name="issuing.dispute",
        values={"amount": SPENT, "transaction": Of("issuing.transaction")},
        then={
            "issuing.transaction": {"dispute": Of("issuing.dispute")},
            "issuing.authorization": {"transactions": [Of("issuing.transaction", None)]},
        },
    ),
)


def _paid_out(made: Round) -> list[object]:
    """The ids of the balance transactions of the round's payout, which is one of them."""
    return [each["id"] for name, each in made.items() if _is_paid_out(name)]


def _is_paid_out(name: str) -> bool:
    return name.startswith("moved by ") and "issuing" not in name


def _sum(made: Round) -> int:
    return sum(integer(each["net"]) for name, each in made.items() if _is_paid_out(name))


MONEY = (
    Entry(
        name="moved by dispute",
        kind="balance_transaction",
        values={
            "amount": -DISPUTED,
            "description": None,
            "fee": DISPUTE_FEE,
            "fee_details": [fee_detail(DISPUTE_FEE)],
            "net": -DISPUTED - DISPUTE_FEE,
            "reporting_category": "dispute",
            "source": Of("dispute"),
            "type": "adjustment",
        },
        then={"dispute": {"balance_transactions": [Of("moved by dispute", None)]}},
    ),
    Entry(name="topup", values={"amount": TOPPED_UP, "source": None, "status": "succeeded"}),
    movement("topup", TOPPED_UP, "topup", "topup"),
    Entry(
        name="payout",
        values={"amount": _sum, "arrival_date": later(0), "destination": None, "status": "paid"},
    ),
    Entry(
        name="moved by payout",
        kind="balance_transaction",
        values={
            "amount": lambda made: -integer(made["payout"]["amount"]),
            "description": None,
            "net": lambda made: -integer(made["payout"]["amount"]),
            "reporting_category": "payout",
            "source": Of("payout"),
            "type": "payout",
        },
        then={"payout": {"balance_transaction": Of("moved by payout")}},
        facts={"payout": {PAID_OUT: _paid_out}},
    ),
)
HOOKS = (Entry(name="file_link"), Entry(name="webhook_endpoint"), Entry(name="event"))
