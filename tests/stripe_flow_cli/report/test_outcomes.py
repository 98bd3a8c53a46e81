"""The tables of words: nothing is left without a word, and no advice names what does not exist."""

from __future__ import annotations

import re
import shlex
from importlib import resources

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.journal.commands import journal
from stripe_flow_cli.report.items import divide_rows
from stripe_flow_cli.report.outcomes import LISTED, NEVER_SENT, STATES, STATUSES, StateWords, Who
from stripe_flow_cli.report.plot import slug
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, State
from target_stripe_flow.attempts.vocabulary import TO_BE_SENT
from target_stripe_flow.execution.attempt_outcome import outcome_of_attempt as of_the_target
from target_stripe_flow.results.outcome import Status
from tests.target_stripe_flow.builders import an_attempt

STYLE = resources.files("stripe_flow_cli.report").joinpath("templates", "report.css").read_text("utf-8")


def test_every_state_has_its_words() -> None:
    assert set(STATES) == {*State, NEVER_SENT}


@pytest.mark.parametrize("words", STATES.values(), ids=STATES)
def test_every_state_that_is_not_done_has_steps(words: StateWords) -> None:
    assert bool(words.steps) == (words.who is not Who.NOBODY)
    assert words.status in STATUSES


def test_open_states_are_listed_and_done_states_are_not() -> None:
    assert set(LISTED) >= OPEN
    assert not set(LISTED) & HAS_OBJECT


@pytest.mark.parametrize("state", sorted(OPEN | {State.DECLINED}))
def test_a_status_is_the_one_in_the_summary_of_the_target(state: State) -> None:
    assert STATES[state].status == of_the_target(an_attempt(state=state)).status.value


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_colour_in_light_and_in_dark(status: str) -> None:
    assert status in {each.value for each in Status} | {TO_BE_SENT}
    assert f".status-{slug(status)} {{ --of: var(--{slug(status)}); }}" in STYLE
    assert len(re.findall(rf"--{slug(status)}: #", STYLE)) == 2


COMMANDS = [command for each in STATES.values() for command in (*each.commands, each.listing) if command]


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_every_command_in_a_message_exists(command: str) -> None:
    program, group, name, *arguments = shlex.split(command.format(key="charges:1"))
    advised = journal.commands[name]

    with click.Context(advised) as context:
        advised.parse_args(context, arguments)

    assert (program, group) == ("stripe-flow", "journal")


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 3000), max_size=12), st.integers(0, 2000))
def test_rows_are_divided_fairly_and_fill_the_bound(counts: dict[str, int], most: int) -> None:
    shares = divide_rows(counts, most)

    assert sum(shares.values()) == min(most, sum(counts.values()))
    assert all(shares[name] <= count for name, count in counts.items())
    cut = [shares[name] for name, count in counts.items() if shares[name] < count]
    assert not cut or max(shares.values()) - min(cut) <= 1
