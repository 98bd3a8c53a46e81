"""How far a window is read: by pages of any list, and while another thread takes its older half."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.windows.plan import MOST_OBJECTS, TARGET_OBJECTS, Window
from tap_stripe_flow.windows.reach import WORTH_SHARING, Reach, Stop

HOUR = Window(start=0, end=3600)


def read(reach: Reach, seconds: list[int], at: int = 0) -> tuple[Stop, int]:
    """Read on from position `at` of seconds that are newest first; returns why it stopped, and how far it came."""
    while True:
        page = seconds[at : at + 100]
        at += 100
        stop = reach.add(page, has_more=at < len(seconds))
        if stop is not None:
            return stop, at


seconds_of_the_hour = st.lists(st.integers(0, 3599), max_size=400).map(
    lambda few: sorted([each for each in few for _ in range(1 + each % 7)], reverse=True)
)


@given(seconds=seconds_of_the_hour, usual=st.floats(0, 10), shares=st.lists(st.booleans(), max_size=30))
def test_what_is_read_and_what_is_left_are_the_window(seconds: list[int], usual: float, shares: list[bool]) -> None:
    reach = Reach(HOUR, usual_per_s=usual, can_share=True)
    given_away, stop, at = list[int](), None, 0

    while stop is None:
        page, at = seconds[at : at + 100], at + 100
        stop = reach.add(page, has_more=at < len(seconds))
        shared = reach.share() if shares and shares.pop() else None
        if shared is not None:
            assert stop is None, "a window that is done leaves nothing to others"
            given_away.append(shared[0])

    assert given_away == sorted(given_away)
    assert reach.window == Window(start=max(given_away, default=0), end=3600)
    assert reach.window.start <= stop.read_from <= 3600
    assert stop.is_cut or stop.read_from == reach.window.start
    assert stop.count == sum(each >= stop.read_from for each in seconds)
    assert reach.left == 0
    assert reach.share() is None


def test_half_of_what_is_left_is_shared_once_it_is_worth_a_window() -> None:
    reach, seconds = Reach(HOUR, can_share=True), list(range(3599, -1, -12))
    assert reach.share() is None, "nothing was read"
    reach.add(seconds[:100], has_more=True)

    middle, expected = reach.share() or (0, 0)

    assert seconds[99] // 2 == middle
    assert WORTH_SHARING / 2 <= expected <= WORTH_SHARING
    assert reach.share() is None, "what is left is too little for two"


def test_a_list_in_no_documented_order_is_not_shared() -> None:
    reach = Reach(HOUR)
    reach.add(list(range(3599, 3499, -1)), has_more=True)

    assert reach.share() is None


def test_a_burst_is_no_reason_to_cut_the_seconds_around_it() -> None:
    """A billing run of half a window in one second, in an hour that is otherwise as usual."""
    usual = TARGET_OBJECTS / 3600
    seconds = sorted([*range(0, 3600, 12), *[3000] * (TARGET_OBJECTS // 2)], reverse=True)

    stop, _ = read(Reach(HOUR, usual_per_s=usual), seconds)

    assert stop == Stop(read_from=0, count=len(seconds))


def test_a_window_that_is_far_denser_than_usual_is_cut_after_a_few_pages() -> None:
    seconds = sorted(list(range(3600)) * 3, reverse=True)

    stop, at = read(Reach(HOUR, usual_per_s=TARGET_OBJECTS / 3600), seconds)

    assert stop.is_cut
    assert at <= 500
    assert stop.expected > TARGET_OBJECTS


def test_a_second_with_more_than_a_buffer_holds_has_a_rest() -> None:
    stop, at = read(Reach(Window(start=7, end=8)), [7] * 5000)

    assert stop.has_rest
    assert MOST_OBJECTS < stop.count == at <= MOST_OBJECTS + 100
