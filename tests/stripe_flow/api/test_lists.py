"""The rule when a list is over, tried on lists that hide, lose and promise: it never calls an unfinished list whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.lists import MOST_DELETED, End, Entry, ListReading, Question


class Refused(Exception):
    """Stripe refused too many cursors."""


PAGE = 3
Pages = Sequence[tuple[list[Entry], bool]]


@dataclass(frozen=True)
class Before:
    """What happens before one request: objects are deleted, or the answer will be an empty page."""

    deleted: frozenset[int] = frozenset()
    empty: bool | None = None


QUIET = Before()


@dataclass
class Server:
    """A list as Stripe serves it: `objects` in its order, `can_filter`: it has the filter `created`."""

    objects: list[Entry]
    schedule: Iterator[Before]
    can_filter: bool
    requests: int = 0
    has_shown: bool = False

    def answer(self, asked: Question) -> tuple[list[Entry], bool] | None:
        """The page, and whether more follow; None if the object at the cursor is gone."""
        self.requests += 1
        before = next(self.schedule, QUIET)
        gone = {self.objects[index].id for index in before.deleted if index < len(self.objects)}
        self.objects = [each for each in self.objects if each.id not in gone]
        # A list that was empty from the first answer on, and promises nothing, is empty.
        if before.empty is not None and (before.empty or self.has_shown):
            return [], before.empty
        start = 0
        if asked.after is not None:
            ids = [each.id for each in self.objects]
            if asked.after not in ids:
                return None
            start = ids.index(asked.after) + 1
        rest = [each for each in self.objects[start:] if self._is_within(each, asked.until)]
        self.has_shown |= bool(rest)
        return rest[:PAGE], len(rest) > PAGE

    def _is_within(self, entry: Entry, until: int | None) -> bool:
        return not self.can_filter or until is None or (entry.created or 0) <= until


def read(reading: ListReading, answer: Callable[[Question], tuple[list[Entry], bool] | None]) -> list[str]:
    """The ids that a reader yields."""
    ids: list[str] = []
    for _ in range(10_000):
        if isinstance(reading.next, End):
            return ids
        page = answer(reading.next)
        if page is None:
            if not reading.skip_cursor():
                raise Refused
            continue
        entries, has_more = page
        ids += [str(entries[position].id) for position in reading.take(entries, has_more=has_more)]
    raise AssertionError("the reader asks for ever")


seconds = st.lists(st.integers(10, 16), max_size=14)
events = st.builds(
    Before, deleted=st.frozensets(st.integers(0, 13), max_size=4), empty=st.sampled_from([None, None, True, False])
)


@pytest.mark.promise(
    "tap 5",
    "A complete list has each object that existed throughout, whatever is deleted meanwhile, also with empty pages",
)
@given(seconds, st.lists(events, max_size=12), st.sampled_from(["newest first", "no order", "no filter"]))
def test_a_whole_list_has_shown_each_object_that_existed_throughout(
    created: list[int], schedule: list[Before], kind: str
) -> None:
    order = created if kind == "no order" else sorted(created, reverse=True)
    objects = [Entry(f"id_{number}", second) for number, second in enumerate(order)]
    server = Server(list(objects), iter(schedule), can_filter=kind != "no filter")
    reading = ListReading(since=10, until=20, can_narrow=kind == "newest first")

    ids = read(reading, server.answer)
    remaining = {each.id for each in server.objects}

    assert len(ids) == len(set(ids))
    assert set(ids) <= {each.id for each in objects}
    if reading.next is End.WHOLE:
        assert remaining <= set(ids)


@given(created=seconds, can_narrow=st.booleans())
def test_a_quiet_list_is_whole_after_its_last_page(created: list[int], *, can_narrow: bool) -> None:
    objects = [Entry(f"id_{number}", second) for number, second in enumerate(sorted(created, reverse=True))]
    server = Server(list(objects), iter(()), can_filter=True)
    reading = ListReading(can_narrow=can_narrow)

    assert read(reading, server.answer) == [each.id for each in objects]
    assert reading.next is End.WHOLE
    assert server.requests == max(1, -(-len(objects) // PAGE))


odd = st.sampled_from([None, 0, -5, 10**12])


@given(st.lists(st.one_of(st.integers(10, 16), odd), max_size=14), st.lists(events, max_size=8))
def test_odd_times_hide_no_object(created: list[int | None], schedule: list[Before]) -> None:
    """Missing, zero and future times, in any order, though Stripe says that the list is newest first."""
    objects = [Entry(f"id_{number}", second) for number, second in enumerate(created)]
    server = Server(list(objects), iter(schedule), can_filter=False)
    reading = ListReading(since=10, until=20, can_narrow=True)

    ids = read(reading, server.answer)

    if reading.next is End.WHOLE:
        assert {each.id for each in server.objects} <= set(ids)


@given(st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=4), st.booleans()), max_size=40))
def test_no_answers_make_a_reader_ask_for_ever(answers: list[tuple[list[int], bool]]) -> None:
    """Whatever the server answers; the last answer is repeated."""
    script = [([Entry(f"id_{number}", 10 + number) for number in ids], more) for ids, more in answers]
    turns = iter(script)
    last = script[-1] if script else ([], True)

    read(ListReading(), lambda _: next(turns, last))


@pytest.mark.parametrize("has_more", [True, False])
@pytest.mark.parametrize("can_narrow", [True, False])
def test_a_list_that_stays_empty_behind_its_first_page_is_unfinished(*, has_more: bool, can_narrow: bool) -> None:
    page = [Entry("a", 12), Entry("b", 12)]
    reading = ListReading(until=20, can_narrow=can_narrow)
    asked = []

    def answer(question: Question) -> tuple[list[Entry], bool]:
        asked.append(question)
        return (page, True) if question.after is None else ([], has_more)

    assert read(reading, answer) == ["a", "b"]
    assert reading.next is End.UNFINISHED
    until = 12 if can_narrow else 20
    assert asked == [Question(None, 20), Question("b", 20), Question(None, until), Question("b", until)]


@pytest.mark.parametrize("has_more", [True, False])
def test_an_object_behind_an_empty_page_is_found_without_the_cursor(*, has_more: bool) -> None:
    pages: Pages = [
        ([Entry("a", 13), Entry("b", 12)], True),
        ([], has_more),
        ([Entry("b", 12), Entry("c", 12)], True),
        ([Entry("d", 11)], False),
    ]
    turns = iter(pages)
    reading = ListReading(until=20)

    assert read(reading, lambda _: next(turns)) == ["a", "b", "c", "d"]
    assert reading.next is End.WHOLE


def test_a_list_that_ends_when_it_is_asked_again_is_whole() -> None:
    turns = iter([([Entry("a", 13), Entry("b", 12)], True), ([], True), ([Entry("b", 12)], False)])
    reading = ListReading(until=20)

    assert read(reading, lambda _: next(turns)) == ["a", "b"]
    assert reading.next is End.WHOLE


def test_an_empty_answer_that_hides_what_was_shown_before_is_no_end() -> None:
    turns = iter([([Entry("a", 13), Entry("b", 12)], True), ([], False), ([], False)])
    reading = ListReading(until=20)

    read(reading, lambda _: next(turns))

    assert reading.next is End.UNFINISHED


def test_an_object_without_an_id_leaves_a_list_unfinished() -> None:
    reading = ListReading()

    assert read(reading, lambda _: ([Entry("a", 13), Entry(None, 12)], False)) == ["a"]
    assert reading.next is End.UNFINISHED


@pytest.mark.parametrize("can_narrow", [True, False])
def test_a_cursor_that_is_always_refused_ends_the_reading(*, can_narrow: bool) -> None:
    reading = ListReading(until=20, can_narrow=can_narrow)
    refusals = 0
    while True:
        assert isinstance(reading.next, Question)
        if reading.next.after is None:
            reading.take([Entry("a", 12), Entry("b", 12)], has_more=True)
            continue
        if not reading.skip_cursor():
            break
        refusals += 1

    assert refusals == MOST_DELETED
    assert not ListReading().skip_cursor()


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([15, 14, None, 13, 12], id="missing"),
        pytest.param([15, 14, 0, 13, 12], id="zero"),
        pytest.param([15, 14, 10**12, 13, 12], id="future"),
        pytest.param([15, 11, 14, 13, 12], id="out of order"),
        pytest.param([15, 14, 13, 16, 12, 13], id="out of order later"),
    ],
)
def test_an_odd_time_does_not_narrow_the_range(times: list[int | None]) -> None:
    """The page behind the first one is empty, so the reader has to ask again."""
    objects = [Entry(f"id_{number}", second) for number, second in enumerate(times)]
    server = Server(objects, iter([QUIET, Before(empty=False)]), can_filter=True)
    reading = ListReading(since=10)

    assert set(read(reading, server.answer)) == {each.id for each in objects}
    assert reading.next is End.WHOLE
