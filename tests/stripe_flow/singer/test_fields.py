"""The same fields in a log, on a terminal and in a table."""

from __future__ import annotations

import pytest

from stripe_flow.singer.fields import Field, format_duration, format_pairs, format_phrase, format_table

CANARY = "sk_test_" + "canary1234567890"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "x=5"),
        (0, "x=0"),
        (0.5, "x=0.5"),
        ("ok", "x=ok"),
        ("failed: permission missing", 'x="failed: permission missing"'),
        ("a=b", 'x="a=b"'),
        ('"', r'x="\""'),
        ("", 'x=""'),
        (None, ""),
    ],
)
def test_a_log_has_key_and_value(value: Field, text: str) -> None:
    assert format_pairs({"x": value}) == text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("stream", "charges", "stream charges"),
        ("waiting_for", "HTTP 429", "waiting for HTTP 429"),
        ("records", 1_234_567, "1,234,567 records"),
        ("in_flight", 16, "16 in flight"),
        ("records_per_s", 312, "312 records/s"),
        ("done_percent", 37, "37% done"),
        ("left_s", 45, "left 45 s"),
        ("left_s", 12_000, "left 3 h 20 min"),
        ("account", None, ""),
    ],
)
def test_a_terminal_has_words(name: str, value: Field, words: str) -> None:
    assert format_phrase({name: value}) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (59, "59 s"), (300, "5 min"), (3 * 3600 + 20 * 60, "3 h 20 min")]
)
def test_a_duration_has_two_units_at_most(seconds: int, words: str) -> None:
    assert format_duration(seconds) == words


def test_a_table_is_aligned_and_has_no_empty_column() -> None:
    rows: list[dict[str, Field]] = [
        {"stream": "charges", "account": None, "records": 12_000, "up_to": None, "state": "ok"},
        {"stream": "refunds", "account": None, "records": 7, "state": "failed: permission missing"},
    ]

    assert format_table(rows) == [
        "stream   records  state",
        "charges    12000  ok",
        "refunds        7  failed: permission missing",
    ]


def test_a_table_without_rows_is_empty() -> None:
    assert format_table([]) == []


def test_no_format_shows_a_secret() -> None:
    fields = {"stream": f"of {CANARY}"}

    assert CANARY not in format_pairs(fields) + format_phrase(fields) + "".join(format_table([fields]))
