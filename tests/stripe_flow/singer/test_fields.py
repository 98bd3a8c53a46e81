"""One mapping of fields, as a log has it, as a terminal shows it, and in a table."""

from __future__ import annotations

import pytest

from stripe_flow.singer.fields import Field, aligned, pairs, phrase, span

CANARY = "sk_test_" + "canary1234567890"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (5, "x=5"),
        (0, "x=0"),
        (0.5, "x=0.5"),
        ("ok", "x=ok"),
        ("failed: right missing", 'x="failed: right missing"'),
        ("a=b", 'x="a=b"'),
        ('"', r'x="\""'),
        ("", 'x=""'),
        (None, ""),
    ],
)
def test_a_log_has_key_and_value(value: Field, told: str) -> None:
    assert pairs({"x": value}) == told


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
    assert phrase({name: value}) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (59, "59 s"), (300, "5 min"), (3 * 3600 + 20 * 60, "3 h 20 min")]
)
def test_a_span_has_two_units_at_most(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_a_table_is_aligned_and_has_no_empty_column() -> None:
    rows: list[dict[str, Field]] = [
        {"stream": "charges", "account": None, "records": 12_000, "up_to": None, "state": "ok"},
        {"stream": "refunds", "account": None, "records": 7, "state": "failed: right missing"},
    ]

    assert aligned(rows) == [
        "stream   records  state",
        "charges    12000  ok",
        "refunds        7  failed: right missing",
    ]


def test_no_rows_are_no_table() -> None:
    assert aligned([]) == []


def test_no_way_of_telling_shows_a_secret() -> None:
    fields = {"stream": f"of {CANARY}"}

    assert CANARY not in pairs(fields) + phrase(fields) + "".join(aligned([fields]))
