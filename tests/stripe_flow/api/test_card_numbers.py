"""Card numbers are found in every spelling, and other numbers seldom by chance."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.card_numbers import CARD_MASK, find_card_numbers, holds_card_number, mask_card_numbers
from stripe_flow.api.redaction import redact

# Test numbers of Stripe and of the card brands. https://docs.stripe.com/testing
CARDS = (
    *("4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222"),
    *("5200828282828210", "5105105105105100", "378282246310005", "371449635398431", "6011111111111117"),
    *("6011000990139424", "6011981111111113", "3056930009020004", "36227206271667", "30569309025904"),
    *("6555900000604105", "3566002020360505", "6200000000000005", "6205500000000000004", "6759649826438453"),
    *("2200000000000004", "501800000009", "4000002500001001"),
)
# Other digits: the zeros of full width, Arabic, Persian, Devanagari and bold ones, and superscripts.
ZEROS = (0xFF10, 0x660, 0x6F0, 0x966, 0x1D7CE)
SCRIPTS = (
    *("".join(chr(zero + digit) for digit in range(10)) for zero in ZEROS),
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079",
)
VISIBLE = (
    *" -_./:,|*'",
    "\u00a0",
    "\u2009",
    "\u202f",
    "\u3000",
    "\u2011",
    "\u2013",
    "\u2212",
    "\uff0d",
    "\t",
    " - ",
    "\n",
)
INVISIBLE = ("\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff", "\ufe0f\u20e3", "\u200e", "\0", "\u3164")


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("size", [1, 2, 4, 19])
@pytest.mark.parametrize("mark", VISIBLE)
def test_a_card_number_in_groups_is_found(card: str, size: int, mark: str) -> None:
    text = mark.join(re.findall(f".{{1,{size}}}", card))

    assert mask_card_numbers(text) == CARD_MASK
    assert mask_card_numbers(f"card: {text} thanks") == f"card: {CARD_MASK} thanks"


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("mark", INVISIBLE)
def test_invisible_characters_between_digits_hide_nothing(card: str, mark: str) -> None:
    assert mask_card_numbers(mark.join(card)) == CARD_MASK


@pytest.mark.parametrize("script", SCRIPTS)
def test_digits_of_every_script_count(script: str) -> None:
    assert mask_card_numbers("4242 4242 4242 4242".translate({48 + n: script[n] for n in range(10)})) == CARD_MASK


@pytest.mark.promise("target 14", "Every number that rejects a record as a card number is masked")
@given(
    card=st.sampled_from(CARDS),
    groups=st.sampled_from([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (8, 8), (6, 10), (3, 3, 3, 3, 4), (1,) * 19, (19,)]),
    marks=st.lists(st.sampled_from([mark for mark in VISIBLE if mark not in ".,"]), min_size=19, max_size=19),
    signs=st.lists(st.sampled_from(["", *INVISIBLE]), min_size=38, max_size=38),
    script=st.sampled_from(["0123456789", *SCRIPTS]),
    around=st.sampled_from([("", ""), ("no. ", " of Ann"), ("(", ")"), ("visa", "exp")]),
)
def test_whatever_is_refused_is_masked(  # each argument is a way to write a number
    *, card: str, groups: tuple[int, ...], marks: list[str], signs: list[str], script: str, around: tuple[str, str]
) -> None:
    parts, rest = [], card
    for size, mark in zip([*groups, 19], marks, strict=False):
        part, rest = rest[:size], rest[size:]
        if part:
            parts.append("".join(f"{script[int(digit)]}{signs.pop()}" for digit in part) + (mark if rest else ""))
    text = f"{around[0]}{''.join(parts)}{around[1]}"

    assert holds_card_number(text)
    masked = mask_card_numbers(text)
    assert not holds_card_number(masked)
    assert redact(text) == masked
    assert masked.count(CARD_MASK) == 1
    assert not set(masked) & set(script)


@pytest.mark.parametrize("number", [4242424242424242, -4242424242424242, 378282246310005, 4242424242424242.0])
def test_a_json_number_may_be_a_card_number(number: float) -> None:
    assert holds_card_number(number)


@pytest.mark.parametrize(
    "value",
    [
        *(True, None, 0, 999_999_999_999, 501800000009, 1_790_000_000_000, 1.5, float("nan"), float("inf")),
        *("1790000000", "1790000000123", "1700000000000003", "1790000000000000001", "20260115123006"),
        *("2026-01-15 12:30:45.123456+00:00", "2026-01-15 - 2026-02-11", "15.01.2026 - 11.02.2026"),
        *("+49 170 12345677", "4915112345678", "+4242424242424", "0171 1234567", "223.113.100.201"),
        *("48.137154, 11.576124", "40.424242,42.424242", "4242.424242424242", "12.5", "4,242.42"),
        *("ch_4242424242424242", "cus_4242424242424242", "pi_4242424242424242", "acct_4242424242424242"),
        *("550e8400-e29b-41d4-a716-446655440000", "42424242-4242-4242-4242-424242424242", "a4242424242424242" * 2),
        *("4006381333931", "4242424242424241", "1234567890123456", "4242424242424242424242", "[card number]"),
        *("0.4242424242424242", "591.4759560605708 EUR", "48.424242424242424", "4915, 7825, 7458, 1913, 6640"),
        *("36, 38, 40, 42, 44, 46, 48, 50, 52", "2019 2020 2021 2022 2023", ""),
    ],
)
def test_other_numbers_are_left(value: object) -> None:
    assert not holds_card_number(value)


@pytest.mark.parametrize("country", ["AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FR", "GB", "NO", "SE"])
@pytest.mark.parametrize("size", [4, 34])
def test_no_iban_is_taken_for_a_card(country: str, size: int) -> None:
    numbers, length = random.Random(7), {"AT": 16, "BE": 12, "CH": 17, "DK": 14, "FR": 23, "GB": 14, "NO": 11}
    for _ in range(2000):
        account = "".join(numbers.choices("0123456789", k=length.get(country, 20)))
        account = f"NWBK{account}" if country == "GB" else account
        rest = int("".join(str(int(sign, 36)) for sign in f"{account}{country}00")) % 97
        iban = f"{country}{98 - rest:02}{account}"
        assert not holds_card_number(f"pay {' '.join(re.findall(f'.{{1,{size}}}', iban))} BIC NWBK")


def test_a_number_that_only_begins_like_an_iban_may_be_a_card() -> None:
    assert mask_card_numbers("DE00 4242 4242 4242 4242") == f"DE00 {CARD_MASK}"


@pytest.mark.parametrize(
    "text", ["4242     4242     4242     4242", "4242  -  4242  -  4242  -  4242", "4.242424242424242e15"]
)
def test_wide_gaps_and_exponents_hide_nothing(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    ("low", "high", "most"),
    [
        (16 * 10**11, 20 * 10**11, 0),  # milliseconds
        (16 * 10**14, 20 * 10**14, 0),  # microseconds
        (16 * 10**17, 20 * 10**17, 0),  # nanoseconds, and ids that begin with a time
        (10**16, 10**17, 0.005),  # any number of 17, 18 and 13 digits
        (10**17, 10**18, 0.005),
        (10**12, 10**13, 0.01),
        (10**15, 10**16, 0.05),  # as many digits as most cards have
    ],
)
def test_few_numbers_are_taken_for_cards_by_chance(low: int, high: int, most: float) -> None:
    numbers = random.Random(7)

    assert sum(holds_card_number(str(numbers.randrange(low, high))) for _ in range(10_000)) <= most * 10_000


@pytest.mark.parametrize("piece", ["4 ", "4242 ", "\u00fc", "4", "4" + "\u200b" * 9, "4" + " " * 9])
def test_a_long_text_takes_linear_time(piece: str) -> None:
    began_s = time.monotonic()
    find_card_numbers(piece * 10**5)
    assert time.monotonic() - began_s < 20
