"""Amounts and tiers of a price."""

from __future__ import annotations

import re
from decimal import Decimal

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse

AMOUNTS = ("unit_amount", "unit_amount_decimal")

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?")


def check_amounts(described: Object) -> None:
    """Raises Refusal (400) unless the description has one valid amount, or tiers."""
    if described.get("billing_scheme") == "tiered":
        _check_tiers(described)
        return
    sent = [name for name in (*AMOUNTS, "custom_unit_amount") if described.get(name) is not None]
    if len(sent) > 1:
        raise refuse("parameters_exclusive", param=sent[0], params=", ".join(sent))
    if not sent:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.", param="unit_amount"
        )
    for name in ("tiers", "tiers_mode"):
        if name in described:
            raise invalid("Tiers can only be given with `billing_scheme=tiered`.", param=name)
    _check_amount(described)


def _check_tiers(described: Object) -> None:
    if described.get("recurring") is None:
        raise invalid("Prices with `type=one_time` are not supported with tiered billing.", param="interval")
    for name in ("tiers", "tiers_mode"):
        if not described.get(name):
            raise refuse("parameter_missing", param=name)
    for name in AMOUNTS:
        if name in described:
            raise invalid("An amount cannot be given with `billing_scheme=tiered`.", param=name)
    tiers = described["tiers"]
    ends = [mapping(tier)["up_to"] for tier in tiers] if isinstance(tiers, list) else []
    if ends[-1] != "inf" or not all(isinstance(end, int) for end in ends[:-1]):
        raise invalid("The last tier, and only that one, goes up to `inf`.", param="tiers")


def _check_amount(described: Object) -> None:
    whole, exact = described.get("unit_amount"), described.get("unit_amount_decimal")
    if isinstance(whole, int) and whole < 0:
        raise invalid("This value must be greater than or equal to 0.", param="unit_amount")
    if exact is not None and not _DECIMAL.fullmatch(str(exact)):
        raise invalid(f"Invalid decimal: {str(exact)[:80]}", param="unit_amount_decimal")


def amounts_of(described: Object) -> Object:
    """The amount as a whole number and as a decimal; the whole number is None for an amount with a fraction."""
    if described.get("unit_amount") is not None:
        return {"unit_amount": described["unit_amount"], "unit_amount_decimal": str(described["unit_amount"])}
    if described.get("unit_amount_decimal") is None:
        return {}
    exact = Decimal(str(described["unit_amount_decimal"]))
    is_whole = exact == exact.to_integral_value()
    shown = str(int(exact)) if is_whole else format(exact.normalize(), "f")
    return {"unit_amount": int(exact) if is_whole else None, "unit_amount_decimal": shown}
