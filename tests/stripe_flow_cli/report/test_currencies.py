"""Amounts in the format that people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.report.currencies import DECIMALS, USUAL_DECIMALS, format_amount, format_number


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123456, "usd", "1,234.56 USD"),
        (5, "eur", "0.05 EUR"),
        (0, "usd", "0.00 USD"),
        (1235, "jpy", "1,235 JPY"),
        (1235, "krw", "1,235 KRW"),
        (1230, "kwd", "1.230 KWD"),
        (5, "bhd", "0.005 BHD"),
        (500, "isk", "5.00 ISK"),
        (500, "ugx", "5.00 UGX"),
        (100, "huf", "1.00 HUF"),
        (100, "xyz", "1.00 XYZ"),
        (-150, "usd", "-1.50 USD"),
        (999_999_999_999, "idr", "9,999,999,999.99 IDR"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert format_amount(amount, currency) == text


@given(st.integers(0, 2**70), st.sampled_from(["usd", *DECIMALS]))
def test_no_amount_is_rounded(amount: int, currency: str) -> None:
    number = format_number(amount, currency)

    assert int(number.replace(",", "").replace(".", "")) == amount
    assert len(number.partition(".")[2]) == DECIMALS.get(currency, USUAL_DECIMALS)
