"""Limits of parameters that the official client's types do not state."""

from __future__ import annotations

from collections.abc import Mapping

# Type → top-level parameters that an empty string cannot unset.
NEVER_EMPTY: Mapping[str, frozenset[str]] = {
    "charge": frozenset({"currency", "customer", "source"}),
    "customer": frozenset({"invoice_prefix", "payment_method", "source", "test_clock"}),
    "payment_intent": frozenset(
        {
            "capture_method",
            "confirmation_method",
            "confirmation_token",
            "currency",
            "customer",
            "payment_method",
            "return_url",
        }
    ),
    "payment_method": frozenset({"customer", "payment_method", "type"}),
    "price": frozenset({"billing_scheme", "currency", "product", "tax_behavior", "tiers_mode", "unit_amount_decimal"}),
    "product": frozenset({"id", "name", "type"}),
    "refund": frozenset({"charge", "payment_intent", "reason", "origin"}),
}

# Type → parameters that the create call requires although the official client's types make them optional.
REQUIRED: Mapping[str, frozenset[str]] = {
    "charge": frozenset({"amount", "currency"}),
    "payment_method": frozenset({"type"}),
}

# Type → top-level parameter → most characters, from the official client's types.
MAX_CHARS: Mapping[str, Mapping[str, int]] = {
    "charge": {"customer": 500, "source": 5000, "description": 40000, "statement_descriptor": 22},
    "customer": {
        "name": 256,
        "email": 512,
        "phone": 20,
        "description": 5000,
        "business_name": 150,
        "individual_name": 150,
    },
    "payment_intent": {"description": 40000, "statement_descriptor": 22, "statement_descriptor_suffix": 22},
    "price": {"lookup_key": 200},
    "product": {"name": 5000, "description": 40000, "id": 5000, "statement_descriptor": 22, "unit_label": 12},
}
