"""Pages that two readers share: which of them sends the request, and what is held meanwhile."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stripe_flow.api.clock import elapsed_s
from tap_stripe_flow.listing.shared_pages import MOST_AGE_S, Sent, SharedPages, SharedReader
from tap_stripe_flow.windows.drain import CLOCKS_S

steps = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from(["", "", "", "fails", "reread"])))


def test_a_shared_page_is_at_most_half_of_what_clocks_may_differ_older_than_its_object() -> None:
    assert MOST_AGE_S <= CLOCKS_S / 2


@settings(deadline=None)
@given(steps)
def test_a_page_is_handed_over_once_and_never_to_its_own_reader(todo: list[tuple[str, int, str]]) -> None:
    pages = SharedPages()
    readers = {name: SharedReader(pages, name, frozenset()) for name in "ab"}
    held: dict[int, tuple[str, bytes]] = {}
    for number, (name, key, what) in enumerate(todo):
        body = b"%d" % number
        if what == "reread":
            readers[name].begin_reread()
            held = {at: each for at, each in held.items() if each[0] == name}
            continue

        def ask(body: bytes = body, what: str = what) -> Sent:
            if what == "fails":
                raise LookupError
            return Sent(body, elapsed_s())

        known = held.pop(key, None)
        if known is not None and known[0] != name:
            assert readers[name].body(key, ask) == known[1]
        elif what == "fails":
            with pytest.raises(LookupError):
                readers[name].body(key, ask)
        else:
            assert readers[name].body(key, ask) == body
            held[key] = (name, body)
    assert (pages.held_bytes > 0) >= bool(held)


def test_two_readers_that_ask_at_the_same_time_wait_for_one_request() -> None:
    pages, gate, asked = SharedPages(), threading.Event(), list[str]()

    def ask() -> Sent:
        asked.append("asked")
        gate.wait(20)
        return Sent(b"page", elapsed_s())

    with ThreadPoolExecutor(2) as threads:
        bodies = [threads.submit(pages.body, "key", name, 0.0, ask) for name in "ab"]
        gate.set()
        assert [each.result(20) for each in bodies] == [b"page"] * 2
    assert asked == ["asked"]
    assert pages.held_bytes == 0


def test_if_the_request_of_the_one_fails_the_other_asks_for_itself() -> None:
    pages, begun, gate = SharedPages(), threading.Event(), threading.Event()

    def fail() -> Sent:
        begun.set()
        gate.wait(20)
        raise LookupError

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pages.body, "key", "a", 0.0, fail)
        begun.wait(20)
        second = threads.submit(pages.body, "key", "b", 0.0, lambda: Sent(b"page", elapsed_s()))
        gate.set()
        assert second.result(20) == b"page"
        assert isinstance(first.exception(20), LookupError)


def test_a_page_that_is_too_old_is_requested_again() -> None:
    pages = SharedPages()
    pages.body("key", "a", 0.0, lambda: Sent(b"old", elapsed_s() - MOST_AGE_S - 1))

    assert pages.body("key", "b", 0.0, lambda: Sent(b"new", elapsed_s())) == b"new"


def test_pages_that_nobody_takes_are_dropped_the_oldest_first() -> None:
    draw, pages, asked = random.Random(1), SharedPages(most_bytes=10_000), list[tuple[str, int]]()

    def read(name: str, number: int) -> None:
        def ask() -> Sent:
            asked.append((name, number))
            return Sent(draw.randbytes(1_000) if name == "a" else b"", elapsed_s())

        pages.body(number, name, 0.0, ask)
        assert pages.held_bytes <= 10_000

    for number in range(100):
        read("a", number)
    for number in reversed(range(100)):
        read("b", number)

    again = [number for name, number in asked if name == "b"]
    assert again == list(reversed(range(len(again))))
    assert 85 <= len(again) <= 95
