"""Readers on threads, and the one thread that takes what they read."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.side_by_side import Expected, SideBySide
from tap_stripe_flow.sync import longest_first

WAIT_S = 20


class Odd(Exception):
    """What a reader raises at its end."""


@dataclass(eq=False)
class Reader:
    """Reads `count` items after a first page, at which it expects `expects` objects; 0: it does not say."""

    number: int
    count: int = 0
    fails: bool = False
    expects: int = 0
    read: int = 0
    begun: list[int] = field(default_factory=list)

    def items(self) -> Iterator[tuple[int, int] | Expected]:
        if self.expects:
            yield Expected(self.expects)
        self.begun.append(self.number)
        for position in range(self.count):
            self.read += 1
            yield self.number, position
        if self.fails:
            raise Odd


readers_of = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)),  # how many items, whether it fails, what it expects
    max_size=12,
).map(lambda each: [Reader(number, *of) for number, of in enumerate(each)])


@settings(deadline=None)
@pytest.mark.parametrize("at_once", [1, 2, 8, 64])
@given(readers=readers_of)
def test_every_item_comes_once_in_the_order_of_its_reader_and_every_reader_ends(
    at_once: int, readers: list[Reader]
) -> None:
    taken, ended = defaultdict[int, list[int]](list), dict[int, bool]()
    with SideBySide(readers, Reader.items, at_once) as reading:
        while not reading.is_done:
            step = reading.next_step(WAIT_S)
            assert step is not None
            assert step.reader.number not in ended
            if step.item is None:
                ended[step.reader.number] = isinstance(step.error, Odd)
                continue
            assert step.item[0] == step.reader.number
            taken[step.item[0]].append(step.item[1])
            assert step.reader.read <= len(taken[step.item[0]]) + 1
            in_progress = [each for each in readers if each.read and len(taken[each.number]) < each.count]
            assert len(in_progress) <= at_once or any(each.expects for each in readers)
            reading.written(step)

    assert ended == {each.number: each.fails for each in readers}
    assert {each.number: taken[each.number] for each in readers} == {
        each.number: list(range(each.count)) for each in readers
    }


def take_all(reading: SideBySide[Reader, tuple[int, int]]) -> None:
    while not reading.is_done:
        if (step := reading.next_step(WAIT_S)) is not None and step.item is not None:
            reading.written(step)


def test_the_longest_list_goes_on_first_once_all_have_read_their_first_page() -> None:
    begun: list[int] = []
    readers = [Reader(number, 2, expects=expects, begun=begun) for number, expects in enumerate([10, 0, 1_000, 100])]

    with SideBySide(readers, Reader.items, 1) as reading:
        take_all(reading)

    assert begun == [1, 3, 2, 0]  # the last one to look has nobody to wait for


def test_an_abandoned_reader_is_not_waited_for() -> None:
    stuck = threading.Event()

    def items(reader: int) -> Iterator[int | Expected]:
        yield reader
        if reader == 0:
            stuck.wait(WAIT_S)
        yield reader

    taken: list[int] = []
    with SideBySide([0, 1], items, 2) as reading:
        while not reading.is_done:
            step = reading.next_step(WAIT_S)
            assert step is not None
            if step.reader == 0:
                reading.abandon(step.lane)
            elif step.item is not None:
                taken.append(step.item)
                reading.written(step)
    stuck.set()

    assert taken == [1, 1]


def test_an_abandoned_reader_that_waits_after_its_first_look_does_not_go_on() -> None:
    has_looked, is_abandoned = threading.Event(), threading.Event()
    went_on: list[int] = []

    def items(reader: int) -> Iterator[int | Expected]:
        if reader == 0:
            yield reader
        else:
            has_looked.set()  # the one before waits now
            assert is_abandoned.wait(WAIT_S)
        yield Expected(10 - reader)
        went_on.append(reader)

    with SideBySide([0, 1, 2], items, 1) as reading:
        while not reading.is_done:
            step = reading.next_step(WAIT_S)
            assert step is not None
            if step.reader == 0:
                assert has_looked.wait(WAIT_S)
                reading.abandon(step.lane)
                is_abandoned.set()

    assert went_on == [2, 1]


def test_no_reader_begins_after_the_block() -> None:
    begun: list[int] = []
    readers = [Reader(number, 3, begun=begun) for number in range(50)]

    with SideBySide(readers, Reader.items, 2) as reading:
        reading.next_step(WAIT_S)
    before = [each for each in threading.enumerate() if each.name.startswith("stripe-reader")]
    for thread in before:
        thread.join(WAIT_S)

    assert len(begun) <= 3


@dataclass(frozen=True)
class Begun:
    """A reader, as much as the order of readers needs."""

    name: str
    read_until: object
    is_by_parent: bool = False


DAY_S = 86_400


@pytest.mark.parametrize(
    ("readers", "order"),
    [
        ([Begun("a", 100 * DAY_S), Begun("b", None)], "ba"),
        ([Begun("a", 100 * DAY_S), Begun("b", 90 * DAY_S), Begun("c", int(99.5 * DAY_S))], "bac"),
        ([Begun("a", 100 * DAY_S), Begun("b", 100 * DAY_S - 60), Begun("c", 100 * DAY_S)], "abc"),
        ([Begun("a", None), Begun("b", None), Begun("c", None, is_by_parent=True)], "cab"),
        ([Begun("a", "odd"), Begun("b", None)], "ab"),
    ],
    ids=["never read", "far behind", "all read today", "a request for each parent", "odd states"],
)
def test_lists_that_may_be_long_begin_first(readers: Sequence[Begun], order: str) -> None:
    assert "".join(each.name for each in longest_first(readers)) == order
