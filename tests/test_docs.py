"""What the documents say is what the code does."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from target_stripe_flow.lifecycle import HOUR_S, Ages, Event, Impossible, State, next_step
from tests.support.plugins import ROOT

EXACTLY_ONCE = (ROOT / "docs" / "exactly-once.md").read_text(encoding="utf-8")
POINTER = re.compile(r"`((?:tests|target_stripe_flow|tap_stripe_flow|stripe_flow)/[\w/]+\.py)(?:::(\w+))?`")
MONEY = ", and it moves money"
SECONDS = {"s": 1, "min": 60, "h": HOUR_S}


def rows(header: str) -> list[list[str]]:
    """The cells of the table with this header."""
    table = EXACTLY_ONCE.split(header)[1].split("\n\n")[0].strip()
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[1:]]


def aged(words: str) -> Ages:
    """`key 23 h`, with all else zero."""
    found = re.fullmatch(r"(key|quiet) (-?\d+) (s|min|h)", words)
    seconds = int(found[2]) * SECONDS[found[3]] if found else 0
    return Ages(key_s=seconds, quiet_s=seconds)


LIFE_CYCLE = rows("| state | what happened | age | next | what to do |")


@pytest.mark.parametrize(("state", "event", "age", "then", "do"), LIFE_CYCLE)
def test_the_life_cycle_is_the_one_in_the_docs(state: str, event: str, age: str, then: str, do: str) -> None:
    step = next_step(State(state), Event(event.removesuffix(MONEY)), aged(age), moves_money=event.endswith(MONEY))

    assert step == (then, do)


def test_every_event_is_in_the_docs() -> None:
    assert {event.removesuffix(MONEY) for _, event, *_ in LIFE_CYCLE} == set(Event)


def test_the_drawing_shows_every_way_that_an_attempt_can_take() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", EXACTLY_ONCE, re.MULTILINE)) - {("opened", "intent")}

    taken: set[tuple[str, str]] = set()
    kinds = ((False, False), (True, False), (False, True))
    for state, event, hours, (moves_money, is_update) in itertools.product(State, Event, (0, 30), kinds):
        ages = Ages(key_s=hours * HOUR_S, quiet_s=hours * HOUR_S)
        try:
            then, _ = next_step(state, event, ages, moves_money=moves_money, is_update=is_update)
        except Impossible:
            continue
        taken |= {(state.value, then.value)} if then is not state else set()
    assert drawn == taken


def test_every_state_is_explained() -> None:
    explained = {
        word.strip() for row in rows("| state | means | when the record comes again |") for word in row[0].split(",")
    }

    assert explained == set(State)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_what_the_docs_point_to_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    for file, name in POINTER.findall(text):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), name
