from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.windows.plan import MOST_PARTS, TARGET_OBJECTS, Part, Plan, Window, estimate

seconds = st.integers(0, 2**33)
windows = st.tuples(seconds, st.integers(1, 2**30)).map(lambda pair: Window(start=pair[0], end=pair[0] + pair[1]))


def tile(parts: list[Window], window: Window) -> bool:
    """Whether `parts` cover `window` without a gap or an overlap."""
    return (
        parts[0].start == window.start
        and parts[-1].end == window.end
        and all(left.end == right.start for left, right in pairwise(parts))
    )


@given(window=windows, expected=st.floats(0, 1e15))
def test_a_part_is_carved_into_a_few_windows_that_tile_it(window: Window, expected: float) -> None:
    left, carved = [Part.waiting(window, expected)], list[Window]()

    while left:
        first, *left = left[-1].carve()
        carved.append(first.window)

    assert tile(carved, window)
    assert len(carved) <= MOST_PARTS
    assert len(carved) == 1 or expected > TARGET_OBJECTS


def test_the_first_object_of_an_account_is_found_in_few_windows() -> None:
    plan = Plan.reading(Window(start=0, end=16 * 365 * 86_400))
    plan.finish(Window(start=0, end=16 * 365 * 86_400), 16 * 365 * 86_400 - 600, count=100, expected=8e7)

    started = list(iter(plan.start_next, None))

    assert [window.end for window in started] == sorted((window.end for window in started), reverse=True)
    assert started[-1].seconds > 10 * 365 * 86_400
    assert len(started) < 12


def test_the_oldest_window_can_be_read_before_the_newest() -> None:
    """Where memory is short, only the oldest window may be read."""
    plan = Plan.reading(Window(start=0, end=16 * 365 * 86_400))
    plan.finish(Window(start=0, end=16 * 365 * 86_400), 16 * 365 * 86_400 - 600, count=100, expected=8e7)

    oldest = plan.start_oldest()

    assert oldest is not None
    assert oldest.start == 0
    assert plan.start_oldest() is None


def test_a_dense_second_before_the_first_window_becomes_a_window() -> None:
    plan = Plan.reading(Window(start=0, end=2))
    plan.finish(Window(start=0, end=2), 1, count=1000, expected=TARGET_OBJECTS + 1)

    assert plan.start_next() == Window(start=0, end=1)


@pytest.mark.promise("tap 1", "The windows of a run cover its range of time without a gap or overlap")
@settings(deadline=None)
@given(window=windows, data=st.data())
def test_windows_tile_the_range(window: Window, data: st.DataObject) -> None:
    """The yielded windows are the range, oldest first, whatever draining each returns and in whatever order."""
    plan = Plan.reading(window)
    reading, out = [window], list[Window]()

    for _ in range(data.draw(st.integers(0, 40))):
        if reading:
            finish_somewhere(plan, reading.pop(data.draw(st.integers(0, len(reading) - 1))), data)
        start = plan.start_oldest if data.draw(st.booleans()) else plan.start_next
        reading += [taken for taken in [start()] if taken]
        if reading and reading[-1].seconds > 1 and data.draw(st.booleans()):
            middle = data.draw(st.integers(reading[-1].start + 1, reading[-1].end - 1))
            reading.append(plan.share(reading.pop(), middle, data.draw(st.floats(0, 1e6))))
        out += [ready for ready in [plan.pop_finished()] if ready]
        assert tile([*out, *(part.window for part in plan.parts)], window)
    while plan.parts:
        for read in reading:
            plan.finish(read, read.start)
        reading = [taken for taken in [plan.start_next()] if taken]
        out += [ready for ready in [plan.pop_finished()] if ready]

    assert tile(out, window)


def finish_somewhere(plan: Plan, window: Window, data: st.DataObject) -> None:
    """Finish a window as `drain` may: a second completely; a longer one in part, or not at all if it is dense."""
    is_dense = window.seconds > 1 and data.draw(st.booleans())
    read_from = data.draw(st.integers(window.start + 1, window.end)) if is_dense else window.start
    if window.seconds > 1 and not is_dense:
        read_from = data.draw(st.integers(window.start, window.end - 1))
    found, expected = data.draw(st.integers(0, 1500)), data.draw(st.floats(0, 1e6))
    plan.finish(window, read_from, count=found, expected=expected, is_dense=is_dense)


def test_a_dense_second_becomes_a_window_of_its_own() -> None:
    plan = Plan.reading(Window(start=0, end=1000))

    kept = plan.finish(Window(start=0, end=1000), 901, expected=100, is_dense=True)

    assert kept == Window(start=901, end=1000)
    assert [part.window for part in plan.parts] == [
        Window(start=0, end=900),
        Window(start=900, end=901),
        Window(start=901, end=1000),
    ]


def test_a_window_is_not_yielded_before_older_ones() -> None:
    plan = Plan.reading(Window(start=0, end=1000))
    plan.finish(Window(start=0, end=1000), 500, expected=1)
    older = plan.start_next()
    assert older == Window(start=0, end=500)

    assert plan.pop_finished() is None
    plan.finish(older, 0)

    assert [plan.pop_finished(), plan.pop_finished(), plan.pop_finished()] == [older, Window(start=500, end=1000), None]


def test_windows_grow_and_shrink_with_the_usual_density() -> None:
    whole = Window(start=0, end=1_000_000)
    plan = Plan.reading(whole)
    plan.finish(whole, 999_900, count=1000, expected=TARGET_OBJECTS)
    rest = plan.start_next()
    assert rest == Window(start=0, end=999_900)
    plan.finish(rest, 700_000, count=2000, expected=100_000)
    widths = []
    for found in (TARGET_OBJECTS, 1, 1, 1, 1):
        window = plan.start_next()
        assert window is not None
        widths.append(window.seconds)
        plan.finish(window, window.start, count=found)

    assert widths[0] == 700_000 // MOST_PARTS
    assert widths[-1] > widths[0]


def test_the_estimate_uses_the_newest_page_and_the_usual_density() -> None:
    window = Window(start=0, end=1000)

    assert estimate(window, count=100, oldest=900) == 900
    assert 90 < estimate(window, count=100, oldest=900, usual_per_s=0.1) < 900


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a second"):
        Window(start=5, end=5)
