"""The fields of a charge that its payment method and its result decide."""

from __future__ import annotations

from functools import cache

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.declines import Decline
from stripe_flow_sandbox.objects.methods import method_of, risk_of
from stripe_flow_sandbox.parameters.shapes import fields, fresh

# https://docs.stripe.com/get-started/account/statement-descriptors
_DESCRIPTOR_CHARS = 22
_SCORES = {"normal": 20, "elevated": 66, "highest": 90}


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
        shown["checks"] = by["checks"]
        shown["overcapture"] = {"maximum_amount_capturable": charge["amount"], "status": "unavailable"}
    else:
        known = fields("charge")["payment_method_details"]["fields"][kind]["fields"]
        shown = {name: by.get(name) for name, field in known.items() if name in by or not field.get("optional")}
        charge["payment_method_details"] = {kind: shown, "type": kind}
    charge["payment_method"], charge["billing_details"] = method["id"], method["billing_details"]
    write_descriptor(charge)
    charge["outcome"] = _outcome("authorized", "approved_by_network", None, "Payment complete.", risk_of(method))


def write_descriptor(charge: Object) -> None:
    """Write the text that the statement shows: for a card the account's prefix and the suffix, else none."""
    if mapping(charge["payment_method_details"])["type"] != "card":
        return
    if charge["statement_descriptor_suffix"] is None:
        charge["statement_descriptor_suffix"] = charge["statement_descriptor"]
    prefix, suffix = _prefix(), charge["statement_descriptor_suffix"]
    shown = prefix if suffix is None else f"{prefix}* {suffix}"
    charge["calculated_statement_descriptor"] = shown[:_DESCRIPTOR_CHARS]


@cache
def _prefix() -> str:
    settings = mapping(fresh("account")["settings"])
    return str(mapping(settings["card_payments"])["statement_descriptor_prefix"])


def mark_failed(charge: Object, decline: Decline) -> None:
    """Write a decline into a charge."""
    said = "The bank did not return any further details."
    outcome = _outcome("issuer_declined", "declined_by_network", decline.decline_code, said, "normal")
    if decline.is_blocked:
        said = "Stripe blocked this payment as too risky."
        outcome = _outcome("blocked", "not_sent_to_network", "highest_risk_level", said, "highest")
    charge |= {
        "status": "failed",
        "paid": False,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": outcome,
    }


def mark_captured(charge: Object, amount: object, balance_transaction: object) -> None:
    """Write into a charge that `amount` was captured, with the id of its balance transaction."""
    charge |= {"captured": True, "amount_captured": amount, "balance_transaction": balance_transaction}


def _outcome(kind: str, network_status: str, reason: str | None, seller_message: str, risk: str) -> Object:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": risk,
        "risk_score": _SCORES[risk],
        "seller_message": seller_message,
        "type": kind,
    }
