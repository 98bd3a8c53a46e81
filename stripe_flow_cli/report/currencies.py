"""Format minor units as the amount that people write.

https://docs.stripe.com/currencies#minor-units
"""

from __future__ import annotations

# Currencies whose minor unit is not a hundredth. UGX and ISK have no minor unit any more, but Stripe's API still counts
# them in hundredths: https://docs.stripe.com/currencies#special-cases
_NONE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
_THREE = {"bhd", "jod", "kwd", "omr", "tnd"}
DECIMALS = dict.fromkeys(_NONE, 0) | dict.fromkeys(_THREE, 3)
USUAL_DECIMALS = 2


def format_number(amount_minor: int, currency: str) -> str:
    """`1,234.56`, in yen `1,235`, in Kuwaiti dinar `1.235`: exact for any size."""
    decimals = DECIMALS.get(currency, USUAL_DECIMALS)
    whole, part = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{decimals}}" if decimals else f"{sign}{whole:,}"


def format_amount(amount_minor: int, currency: str) -> str:
    """`1,234.56 USD`."""
    return f"{format_number(amount_minor, currency)} {currency.upper()}"
