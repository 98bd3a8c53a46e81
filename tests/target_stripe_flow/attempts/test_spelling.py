from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.attempts.spelling import describe, misspelled_key, trimmed

INVISIBLE = (
    " \t\n\r\v\f\0\x1f\x7f\x85\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
    "\u00ad\u200b\u200d\u200e\u202e\u2060\ufeff\ufffe\u3164"
)
PADDING = st.text(st.sampled_from(INVISIBLE), max_size=3)
# Any text: letters, marks, symbols, invisible characters, in any order.
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(INVISIBLE)), max_size=8)


@given(TEXTS)
def test_a_spelling_is_described_exactly_where_it_has_another_one(text: str) -> None:
    assert bool(describe(text)) == (trimmed(text) != text)
    assert trimmed(trimmed(text)) == trimmed(text)
    assert describe(trimmed(text)) == ""


@given(PADDING, TEXTS.map(trimmed), PADDING)
def test_padding_is_taken_away_at_both_ends_and_nothing_else(before: str, text: str, after: str) -> None:
    assert trimmed(before + text + after) == text


@given(TEXTS)
def test_what_is_left_begins_and_ends_with_a_visible_character(text: str) -> None:
    left = trimmed(text)

    assert "\0" not in left
    assert left in text.replace("\0", "")
    for end in {left[:1], left[-1:]} - {""}:
        assert not end.isspace()
        assert unicodedata.category(end) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "key", ["A1", "a1", "007", "7", "A B", "A\tB", "a\u200bb", "ﬁ", "fi", "é", "e\u0301", "☃\ufe0f", "🙂"]
)
def test_case_zeros_normal_forms_and_what_is_inside_make_keys_of_their_own(key: str) -> None:
    assert (trimmed(key), describe(key)) == (key, "")


@given(TEXTS, st.sampled_from(["", " ", "\ufeff", "\0"]))
def test_a_description_names_one_character_and_shows_no_other(text: str, more: str) -> None:
    assert not describe(text + more) or describe(text + more).split()[:2] in (
        ["begins", "with"],
        ["ends", "with"],
        ["contains", "U+0000"],
    )


def test_a_misspelled_part_is_named_by_its_property() -> None:
    rejected = misspelled_key(("ok", "bad\u200b", "worse "), ("shop", "no", "part"))

    assert rejected is not None
    assert rejected.field == "no"
    assert "the key no ends with U+200B (ZERO WIDTH SPACE)" in str(rejected)
    assert "bad" not in str(rejected)
    assert misspelled_key(("ok", "fine"), ("shop", "no")) is None
