from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.bookmark import MOST_IDS, Bookmark, Seen
from tap_stripe_flow.windows import Window


def seen(*created: int) -> list[Seen]:
    return [Seen(id=f"ch_{at}", created=at) for at in created]


def test_a_settled_window_leaves_no_ids() -> None:
    after = Bookmark.at(0).after(Window(start=0, end=100), seen(10, 99), settled=100)

    assert after == Bookmark(end=100, reread_from=100)


def test_what_is_not_settled_is_read_again_and_remembered() -> None:
    after = Bookmark.at(0).after(Window(start=0, end=1000), seen(10, 399, 400, 999), settled=400)

    assert after == Bookmark(end=1000, reread_from=400, emitted_ids=frozenset({"ch_400", "ch_999"}))


def test_ids_that_later_windows_may_meet_are_kept() -> None:
    before = Bookmark(end=1000, reread_from=400, emitted_ids=frozenset({"ch_450", "ch_900"}))

    halfway = before.after(Window(start=400, end=500), seen(450), settled=2000)
    done = halfway.after(Window(start=500, end=1500), seen(900), settled=2000)

    assert halfway == Bookmark(end=1000, reread_from=500, emitted_ids=frozenset({"ch_900"}))
    assert done == Bookmark(end=1500, reread_from=1500)


def test_an_id_that_never_comes_again_is_forgotten_in_the_end() -> None:
    before = Bookmark(end=1000, reread_from=400, emitted_ids=frozenset({"cus_deleted"}))

    after = before.after(Window(start=400, end=1200), [], settled=600)

    assert after.emitted_ids == frozenset()


def test_a_clock_that_goes_back_does_not_take_the_bookmark_along() -> None:
    before = Bookmark(end=1000, reread_from=800)

    after = before.after(Window(start=800, end=1001), [], settled=100)

    assert (after.end, after.reread_from) == (1001, 800)


def test_a_window_is_closed_early_when_it_would_need_too_many_ids() -> None:
    crowd = [Seen(id=f"ch_{number}", created=1000 + number // 100) for number in range(MOST_IDS + 500)]
    window = Window(start=900, end=2000)

    reach = Bookmark.at(900).reach(window, crowd, settled=1000)

    assert reach == 1000 + MOST_IDS // 100
    assert sum(each.created < reach for each in crowd) == MOST_IDS


def test_a_single_second_that_needs_too_many_ids_is_left_for_later() -> None:
    crowd = [Seen(id=f"ch_{number}", created=1000) for number in range(MOST_IDS + 1)]

    assert Bookmark.at(900).reach(Window(start=900, end=2000), crowd, settled=950) == 1000
    assert Bookmark.at(1000).reach(Window(start=1000, end=2000), crowd, settled=950) == 1000


@given(
    created=st.lists(st.integers(0, 2000), max_size=50).map(sorted),
    ends=st.lists(st.integers(1, 2000), min_size=1, max_size=10).map(sorted),
    overlap_s=st.integers(0, 800),
)
def test_no_object_is_forgotten_or_emitted_twice(created: list[int], ends: list[int], overlap_s: int) -> None:
    objects = [Seen(id=f"ch_{number}", created=at) for number, at in enumerate(created)]
    bookmark, emitted = Bookmark.at(0), []

    for end in ends:
        # one run: t is the window's end, everything created before it is visible
        window = Window(start=bookmark.reread_from, end=max(end, bookmark.reread_from + 1))
        inside = [each for each in objects if window.start <= each.created < window.end]
        emitted += [each.id for each in inside if each.id not in bookmark.emitted_ids]
        bookmark = bookmark.after(window, inside, settled=window.end - overlap_s)

    assert sorted(emitted) == sorted(each.id for each in objects if each.created < bookmark.end)


@given(
    st.builds(
        Bookmark, end=st.integers(0, 2**33), reread_from=st.integers(0, 2**33), emitted_ids=st.frozensets(st.text())
    )
)
def test_a_bookmark_survives_the_state_file(bookmark: Bookmark) -> None:
    state = json.loads(json.dumps(bookmark.to_state()))

    assert Bookmark.from_state(state, start=0, stream="charges") == bookmark


def test_the_fullest_state_takes_thirty_bytes_an_id() -> None:
    ids = frozenset(f"ch_{number:024}" for number in range(MOST_IDS))

    assert (
        len(json.dumps(Bookmark(end=1, reread_from=0, emitted_ids=ids).to_state(), separators=(",", ":")))
        <= 30 * MOST_IDS + 100
    )


def test_nothing_before_the_start_date_is_read_again() -> None:
    bookmark = Bookmark.from_state({"replication_key_value": 1000, "reread_from": 400}, start=700, stream="charges")

    assert (bookmark.end, bookmark.reread_from) == (1000, 700)


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", 1.5, True, []])
def test_the_state_of_another_tap_is_refused(value: object) -> None:
    with pytest.raises(Misconfigured, match=r"charges.*meltano state clear"):
        Bookmark.from_state({"replication_key_value": value}, start=0, stream="charges")
