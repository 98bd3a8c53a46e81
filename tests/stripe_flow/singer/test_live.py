"""The line by itself, on a terminal that nobody sits at."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TextIO

import pytest

from stripe_flow.singer.live_line import LiveLine
from tests.support.terminal import drawn

# A terminal shows nothing for it.
END = b"\0"

Screen = Callable[[], list[str]]


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, Screen]]:
    """To write to, 20 columns wide; and what stands on it."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 20))
    raw = bytearray()

    def screen() -> list[str]:
        os.write(slave, END)
        while not raw.endswith(END):
            raw.extend(os.read(master, 1 << 16))
        del raw[-len(END) :]
        return drawn([bytes(raw)])[-1]

    with ExitStack() as stack:
        stack.callback(os.close, master)
        yield stack.enter_context(os.fdopen(slave, "w", encoding="utf-8")), screen


@pytest.fixture
def lines(terminal: tuple[TextIO, Screen]) -> Iterator[list[LiveLine]]:
    """Two processes' worth."""
    both = [LiveLine(terminal[0]) for _ in range(2)]
    for line in both:
        line.open()
    yield both
    for line in both:
        line.close()


def test_it_changes_in_place_under_what_is_written(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("a long way to go")
    lines[0].write("one\n")
    lines[0].draw("there")
    lines[0].write("two\n")

    assert terminal[1]() == ["one", "two", "there"]


def test_it_is_cut_where_the_terminal_ends(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("0123456789" * 5)
    lines[0].write("one\n")

    assert terminal[1]() == ["one", "0123456789" + "012345678"]


@pytest.mark.parametrize("end", [LiveLine.close, lambda line: line.draw("")], ids=["closed", "nothing to say"])
def test_it_leaves_nothing_behind(
    end: Callable[[LiveLine], None], terminal: tuple[TextIO, Screen], lines: list[LiveLine]
) -> None:
    lines[0].draw("here")

    end(lines[0])

    assert terminal[1]() == []


def test_a_second_one_waits_for_its_turn(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("first")
    lines[1].draw("second")
    before = terminal[1]()
    lines[0].close()
    lines[1].draw("second")

    assert (before, terminal[1]()) == (["first"], ["second"])


def test_what_goes_there_by_other_ways_is_whole(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("here we are")
    with lines[0].lifted():
        os.write(terminal[0].fileno(), b"{}\n")

    assert terminal[1]() == ["{}", "here we are"]
