from __future__ import annotations

import pytest

from target_stripe_flow.results.masking import masked


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4242424242424242", "[card number]"),
        ("card 4242 4242 4242 4242, thanks", "card [card number], thanks"),
        ("4242-4242-4242-4242", "[card number]"),
        (4242424242424242, "[card number]"),
        ("378282246310005", "[card number]"),
        ("6205500000000000004", "[card number]"),
        ("2223003122003222", "[card number]"),
        (4242424242424242.0, "[card number]"),
        (4242424242424242.5, "[card number]"),
        (-4242424242424242, "[card number]"),
        ("4242424242424242.0", "[card number].0"),
        ("4.242424242424242E15", "[card number]E15"),
        ("4242.4242.4242.4242", "[card number]"),
        ("4242\u00a04242\u00a04242\u00a04242", "[card number]"),
        ("4242\u202f4242\u20094242\u30004242", "[card number]"),
        ("4242\t4242  4242 - 4242\n", "[card number]\n"),
        ("4242\u20134242\u20114242\u22124242", "[card number]"),
        ("42\u200b42424242424242", "[card number]"),
        ("\uff14\uff12" * 8, "[card number]"),
        ("visa4242424242424242=2912", "visa[card number]=2912"),
        ("4242 4242 4242 4242 12/29 123", "[card number] 12/29 123"),
        ("order 17: 5555-5555-5555-4444 and 3782 822463 10005.", "order 17: [card number] and [card number]."),
        ("+4242424242424242", "+[card number]"),
        ("1234567890123456", "1234567890123456"),
        ("4242424242424242424242", "4242424242424242424242"),
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000_001, 1_700_000_000_001),
        (1_700_000_000_000_003, 1_700_000_000_000_003),
        ("20240115123006", "20240115123006"),
        ("2024-01-15 12:30:45.123456+00:00", "2024-01-15 12:30:45.123456+00:00"),
        ("2024-01-15 - 2024-02-11", "2024-01-15 - 2024-02-11"),
        ("223.113.100.201", "223.113.100.201"),
        ("+49 170 12345677", "+49 170 12345677"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        (1700000000.123456, 1700000000.123456),
        (True, True),
        (None, None),
        (1.5, 1.5),
        ("key sk_test_canary01", "key sk_test_[redacted]"),
        ({"number": ["4242424242424242"]}, {"number": ["[card number]"]}),
        ("half \ud800", "half ?"),
    ],
)
def test_card_numbers_and_keys_are_masked(value: object, shown: object) -> None:
    assert masked(value) == shown
    assert masked(shown) == shown
