from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.windows import TARGET, Window, estimate, next_width, next_window, shrink

seconds = st.integers(0, 2**33)
windows = st.tuples(seconds, st.integers(1, 2**30)).map(lambda pair: Window(start=pair[0], end=pair[0] + pair[1]))


@given(start=seconds, length=st.integers(1, 10**6), widths=st.lists(st.integers(0, 10**5), min_size=1))
def test_windows_tile_the_range(start: int, length: int, widths: list[int]) -> None:
    end, at, tiles = start + length, start, []
    for width in [*widths, length]:
        if at == end:
            break
        window = next_window(at, end, width)
        tiles.append(window)
        at = window.end

    assert tiles[0].start == start
    assert tiles[-1].end == end
    assert all(left.end == right.start for left, right in pairwise(tiles))


@given(window=windows.filter(lambda window: window.seconds > 1), expected=st.floats(0, 1e12))
def test_a_shrunk_window_is_shorter_and_begins_where_it_began(window: Window, expected: float) -> None:
    smaller = shrink(window, expected)

    assert smaller.start == window.start
    assert 1 <= smaller.seconds <= max(1, window.seconds / 2)


@given(window=windows, found=st.integers(0, 10**9))
def test_the_next_window_is_at_most_twice_as_long(window: Window, found: int) -> None:
    assert 1 <= next_width(window, found) <= 2 * window.seconds


@given(window=windows, found=st.integers(2 * TARGET, 10**9))
def test_a_full_window_is_followed_by_a_shorter_one(window: Window, found: int) -> None:
    assert next_width(window, found) <= max(1, window.seconds / 2)


def test_empty_years_are_crossed_in_a_dozen_windows() -> None:
    end = 16 * 365 * 86_400
    window, count = Window(start=0, end=86_400), 1

    while window.end < end:
        window = next_window(window.end, end, next_width(window, 0))
        count += 1

    assert count <= 13


def test_the_newest_page_tells_the_density() -> None:
    assert estimate(Window(start=0, end=1000), page_objects=100, page_oldest=900) == 1000


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a second"):
        Window(start=5, end=5)
