"""Every state has its words, and they agree with the life cycle."""

from __future__ import annotations

import pytest

from target_stripe_flow.attempts.lifecycle import Answer, State, on_record
from target_stripe_flow.attempts.vocabulary import WORDS, Words


def test_every_state_has_words() -> None:
    assert set(WORDS) == set(State)


@pytest.mark.parametrize("state", State)
def test_a_state_has_no_later_status_exactly_where_the_record_is_sent_again(state: State) -> None:
    is_sent = on_record(state, is_same=True) in {Answer.SEND, Answer.SEND_OPENED}

    assert (WORDS[state].again is None) == is_sent


@pytest.mark.parametrize("words", WORDS.values(), ids=[state.value for state in WORDS])
def test_explanations_are_whole_sentences(words: Words) -> None:
    assert words.means[0].isupper()
    assert words.means.endswith(".")
