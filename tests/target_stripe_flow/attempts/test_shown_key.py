"""A source key is shown only where it surely is no person's."""

from __future__ import annotations

import pytest

from target_stripe_flow.attempts.shown_key import shown_key, shown_object_id

HASH = "0" * 32


@pytest.mark.parametrize(
    "part",
    [
        *("0", "7", "123456789", "c-1001", "c-4915112345678", "A1", "q2", "order-17", "INV-2026-00017", "sku_42"),
        *("0b8e7c1a-7a34-4c0e-9d3f-0f6d2f1f9a11", "2026/10/7", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "cus_N4x", "row:7"),
        "9e107d9d372bb6826bd81d3542a419d6",
    ],
)
def test_numbers_of_rows_codes_and_ids_are_shown(part: str) -> None:
    assert shown_key((part,), HASH) == part
    assert shown_key((part, "17"), HASH) == f"{part},17"


@pytest.mark.promise("target 14", "A source key is shown only if it cannot be personal data")
@pytest.mark.parametrize(
    "part",
    [
        *("", "Ann", "Ann Lee", "ann1990", "c1990", "c-1984", "ann_lee", "mr_smith", "lee-90", "Müller17"),
        *("ann@example.com", "o'neil+x@example.co.uk", '=HYPERLINK("x")', "@SUM(1)", "Main St. 17"),
        *("+1", "+49 170 1234567", "0171-12345", "0171123456", "1701234567", "4915112345678", "555-010-4242"),
        *("123-45-6789", "078-05-1120", "A12345678", "C01X00T47", "DE89370400440532013000", "GB29NWBK60161331926819"),
        *(
            "1990-03-17",
            "17.03.1990",
            "1990/3/17",
            "M-AB 1234",
            "192.168.0.17",
            "4242424242424242",
            "order-4242424242424242",
        ),
        *("42424242-4242-4242-4242-42424242424", "\uff17", "17\u200b", "7 ", "17\n"),
    ],
)
def test_what_may_be_a_person_is_hashed(part: str) -> None:
    assert shown_key((part,), HASH) == HASH
    assert shown_key(("17", part), HASH) == HASH
    assert shown_object_id(part) == "…", "the id of a product may be its key"


def test_a_key_that_is_not_known_is_hashed() -> None:
    assert shown_key(None, HASH) == shown_key((), HASH) == HASH
