"""The fields of a charge that show its payment and its result."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.declines import Decline
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.parameters.shapes import fields


def write_card(charge: Object, card: Object) -> None:
    """Write the card into all fields of a charge that show it."""
    write_payment_method(charge, method_of(card))
    charge["source"] = card


def write_payment_method(charge: Object, method: Object) -> None:
    """Write the payment method into all fields of a charge that show it."""
    kind = str(method["type"])
    by = mapping(method[kind])
    details = mapping(charge["payment_method_details"])
    if kind == "card":
        shown = mapping(details["card"])
        shown |= {name: by[name] for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding")}
        shown |= {"last4": by["last4"], "network": by["brand"], "amount_authorized": charge["amount"]}
        shown["overcapture"] = {"maximum_amount_capturable": charge["amount"], "status": "unavailable"}
    else:
        known = fields("charge")["payment_method_details"]["fields"][kind]["fields"]
        charge["payment_method_details"] = {kind: {name: by.get(name) for name in known}, "type": kind}
    charge["payment_method"], charge["billing_details"] = method["id"], method["billing_details"]
    charge["calculated_statement_descriptor"] = charge["statement_descriptor"] or "SANDBOX"
    charge["outcome"] = _outcome("authorized", "approved_by_network", None, "Payment complete.")


def mark_failed(charge: Object, decline: Decline) -> None:
    """Write a decline into a charge."""
    charge |= {
        "status": "failed",
        "paid": False,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": _outcome(
            "issuer_declined",
            "declined_by_network",
            decline.decline_code,
            "The bank did not return any further details.",
        ),
    }


def mark_captured(charge: Object, amount: object, balance_transaction: str) -> None:
    """Write into a charge that `amount` was captured."""
    charge |= {"captured": True, "amount_captured": amount, "balance_transaction": balance_transaction}


def _outcome(kind: str, network_status: str, reason: str | None, seller_message: str) -> Object:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": seller_message,
        "type": kind,
    }
