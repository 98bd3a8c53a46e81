"""The live line by itself, on a pseudo-terminal."""

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

# A terminal does not show this byte.
END = b"\0"

Screen = Callable[[], list[str]]


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, Screen]]:
    """A terminal of 20 columns, and a function that returns the lines on it."""
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
    """One for each of two processes."""
    both = [LiveLine(terminal[0]) for _ in range(2)]
    for line in both:
        line.open()
    yield both
    for line in both:
        line.close()


def test_the_line_changes_in_place_below_other_output(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("a long way to go")
    lines[0].write("one\n")
    lines[0].draw("there")
    lines[0].write("two\n")

    assert terminal[1]() == ["one", "two", "there"]


def test_the_line_is_cut_to_the_width_of_the_terminal(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("0123456789" * 5)
    lines[0].write("one\n")

    assert terminal[1]() == ["one", "0123456789" + "012345678"]


@pytest.mark.parametrize("end", [LiveLine.close, lambda line: line.draw("")], ids=["closed", "no text"])
def test_the_line_is_erased_at_its_end(
    end: Callable[[LiveLine], None], terminal: tuple[TextIO, Screen], lines: list[LiveLine]
) -> None:
    lines[0].draw("here")

    end(lines[0])

    assert terminal[1]() == []


def test_a_second_line_waits_until_the_first_ends(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("first")
    lines[1].draw("second")
    before = terminal[1]()
    lines[0].close()
    lines[1].draw("second")

    assert (before, terminal[1]()) == (["first"], ["second"])


def test_output_past_the_line_is_whole(terminal: tuple[TextIO, Screen], lines: list[LiveLine]) -> None:
    lines[0].draw("here we are")
    with lines[0].erased():
        os.write(terminal[0].fileno(), b"{}\n")

    assert terminal[1]() == ["{}", "here we are"]
