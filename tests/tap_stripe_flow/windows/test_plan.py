from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.windows.plan import LEAST, MOST_PARTS, TARGET, Part, Plan, Window, estimate

seconds = st.integers(0, 2**33)
sizes = st.integers(LEAST, TARGET)
windows = st.tuples(seconds, st.integers(1, 2**30)).map(lambda pair: Window(start=pair[0], end=pair[0] + pair[1]))


def tile(parts: list[Window], window: Window) -> bool:
    """Whether `parts` are `window`, without a gap or an overlap."""
    return (
        parts[0].start == window.start
        and parts[-1].end == window.end
        and all(left.end == right.start for left, right in pairwise(parts))
    )


@given(window=windows, expected=st.floats(0, 1e15), size=sizes)
def test_a_part_is_carved_into_a_few_windows_that_tile_it(window: Window, expected: float, size: int) -> None:
    left, carved = [Part.waiting(window, expected)], list[Window]()

    while left:
        first, *left = left[-1].carve(size)
        carved.append(first.window)

    assert tile(carved, window)
    assert len(carved) <= MOST_PARTS
    assert len(carved) == 1 or expected > size


def test_the_beginning_of_an_account_is_found_by_doubling() -> None:
    plan = Plan.being_read(Window(start=0, end=16 * 365 * 86_400))
    plan.close(Window(start=0, end=16 * 365 * 86_400), 16 * 365 * 86_400 - 600, found=100, expected=8e7)

    widths = [window.seconds for window in iter(plan.take, None)]

    assert widths == sorted(widths, reverse=True)
    assert len(widths) < 12


def test_a_crowded_second_before_the_first_window_is_a_window() -> None:
    plan = Plan.being_read(Window(start=0, end=2))
    plan.close(Window(start=0, end=2), 1, found=1000, expected=TARGET + 1)

    assert plan.take() == Window(start=0, end=1)


@settings(deadline=None)
@given(window=windows, data=st.data())
def test_windows_tile_the_range(window: Window, data: st.DataObject) -> None:
    """Whatever draining them comes to, in whatever order: what goes out is the range, oldest first."""
    plan = Plan.being_read(window)
    reading, out = [window], list[Window]()

    for _ in range(data.draw(st.integers(0, 40))):
        if reading:
            close_somewhere(plan, reading.pop(data.draw(st.integers(0, len(reading) - 1))), data)
        reading += [taken for taken in [plan.take(data.draw(sizes))] if taken]
        out += [ready for ready in [plan.next_out()] if ready]
        assert tile([*out, *(part.window for part in plan.parts)], window)
    while plan.parts:
        for read in reading:
            plan.close(read, read.start)
        reading = [taken for taken in [plan.take(data.draw(sizes))] if taken]
        out += [ready for ready in [plan.next_out()] if ready]

    assert tile(out, window)


def close_somewhere(plan: Plan, window: Window, data: st.DataObject) -> None:
    """As draining does it: some of the window at least, unless its newest second alone is too much; a second whole."""
    is_dense = window.seconds > 1 and data.draw(st.booleans())
    read_from = data.draw(st.integers(window.start + 1, window.end)) if is_dense else window.start
    if window.seconds > 1 and not is_dense:
        read_from = data.draw(st.integers(window.start, window.end - 1))
    found, expected = data.draw(st.integers(0, 1500)), data.draw(st.floats(0, 1e6))
    plan.close(window, read_from, found=found, expected=expected, is_dense=is_dense)


def test_a_dense_second_becomes_a_window_of_its_own() -> None:
    plan = Plan.being_read(Window(start=0, end=1000))

    kept = plan.close(Window(start=0, end=1000), 901, expected=100, is_dense=True)

    assert kept == Window(start=901, end=1000)
    assert [part.window for part in plan.parts] == [
        Window(start=0, end=900),
        Window(start=900, end=901),
        Window(start=901, end=1000),
    ]


def test_nothing_goes_out_before_what_is_older() -> None:
    plan = Plan.being_read(Window(start=0, end=1000))
    plan.close(Window(start=0, end=1000), 500, expected=1)
    older = plan.take()
    assert older == Window(start=0, end=500)

    assert plan.next_out() is None
    plan.close(older, 0)

    assert [plan.next_out(), plan.next_out(), plan.next_out()] == [older, Window(start=500, end=1000), None]


def test_windows_grow_and_shrink_with_what_was_usual_lately() -> None:
    plan = Plan.being_read(Window(start=0, end=1_000_000))
    plan.close(Window(start=0, end=1_000_000), 999_900, found=1000, expected=1_000_000)
    plan.close(plan.take() or Window(start=0, end=1), 700_000, found=1000, expected=100_000)
    widths = []
    for found in (TARGET, 10, 10, 10, 10, 10):
        window = plan.take()
        assert window is not None
        widths.append(window.seconds)
        plan.close(window, window.start, found=found)

    assert widths[0] == 700_000 // MOST_PARTS
    assert widths[-1] > widths[0]


def test_windows_shrink_towards_the_end_of_a_range_but_not_below_their_least() -> None:
    plan = Plan.being_read(Window(start=0, end=1_000_000))
    plan.close(Window(start=0, end=1_000_000), 999_900, found=100, expected=20 * TARGET)

    widest = plan.size(threads=16)
    while plan.take():
        assert LEAST <= plan.size(threads=16) <= widest

    assert (widest, plan.size(threads=16)) == (TARGET, LEAST)


def test_the_newest_page_and_what_was_usual_tell_the_density() -> None:
    window = Window(start=0, end=1000)

    assert estimate(window, found=100, oldest=900) == 900
    assert 90 < estimate(window, found=100, oldest=900, usual_per_s=0.1) < 900


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a second"):
        Window(start=5, end=5)
