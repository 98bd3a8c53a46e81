from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.windows.bookmark import EVENTS, LISTED, Bookmark, UnusableState
from tap_stripe_flow.windows.id_pool import MOST_IDS
from tap_stripe_flow.windows.plan import Window


def keys(*created: int) -> list[ObjectKey]:
    return [ObjectKey(id=f"ch_{at}", created=at) for at in created]


def last_run(end: int, reread_from: int, *ids: str) -> Bookmark:
    """The bookmark that the last run left in the state."""
    return read({"replication_key_value": end, "reread_from": reread_from, "emitted_ids": list(ids)})


def read(state: Mapping[str, object], start: int = 0) -> Bookmark:
    return Bookmark.from_state(state, LISTED, start=start, stream="charges") or Bookmark.at(start)


def ids(bookmark: Bookmark) -> set[object]:
    found = bookmark.to_state(LISTED).get("emitted_ids", [])
    assert isinstance(found, list)
    return set(found)


def test_a_settled_window_leaves_no_ids() -> None:
    after = Bookmark.at(0).after(Window(start=0, end=100), keys(10, 99), settled=100)

    assert after == Bookmark(end=100, reread_from=100)


def test_objects_that_are_not_settled_are_remembered_and_listed_again() -> None:
    after = Bookmark.at(0).after(Window(start=0, end=1000), keys(10, 399, 400, 999), settled=400)

    assert (after.end, after.reread_from) == (1000, 400)
    assert ids(after) == {"ch_400", "ch_999"}


def test_ids_of_earlier_windows_of_the_run_are_remembered() -> None:
    first = Bookmark.at(0).after(Window(start=0, end=500), keys(450), settled=400)

    second = first.after(Window(start=500, end=1000), keys(900), settled=400)

    assert second.reread_from == 400
    assert ids(second) == {"ch_450", "ch_900"}


def test_ids_of_the_last_run_are_kept_until_their_window_is_committed() -> None:
    before = last_run(1000, 400, "ch_450", "ch_900")

    halfway = before.after(Window(start=400, end=500), keys(450), settled=2000)
    done = halfway.after(Window(start=500, end=1500), keys(900), settled=2000)

    assert (halfway.end, halfway.reread_from, ids(halfway)) == (1000, 500, {"ch_900"})
    assert (done.end, done.reread_from, ids(done)) == (1500, 1500, set())


def test_the_id_of_a_deleted_object_is_forgotten() -> None:
    after = last_run(1000, 400, "cus_deleted").after(Window(start=400, end=1200), [], settled=600)

    assert ids(after) == set()


def test_a_clock_that_goes_back_does_not_move_the_bookmark_back() -> None:
    after = last_run(1000, 800).after(Window(start=800, end=1001), [], settled=100)

    assert (after.end, after.reread_from) == (1001, 800)


def test_a_window_that_needs_too_many_ids_is_committed_up_to_an_earlier_second() -> None:
    crowd = [ObjectKey(id=f"ch_{number}", created=1000 + number // 100) for number in range(MOST_IDS + 500)]

    reach = Bookmark.at(900).commit_end(Window(start=900, end=2000), crowd, settled=1000)

    assert reach == 1000 + MOST_IDS // 100
    assert sum(each.created < reach for each in crowd) == MOST_IDS


def test_a_single_second_that_needs_too_many_ids_is_left_for_later() -> None:
    crowd = [ObjectKey(id=f"ch_{number}", created=1000) for number in range(MOST_IDS + 1)]

    assert Bookmark.at(900).commit_end(Window(start=900, end=2000), crowd, settled=950) == 1000
    assert Bookmark.at(1000).commit_end(Window(start=1000, end=2000), crowd, settled=950) == 1000


@pytest.mark.promise(
    "tap 3",
    "No object is lost or emitted twice, however runs and windows fall, also when objects appear late",
)
@settings(deadline=None, max_examples=400)
@given(data=st.data(), most=st.integers(1, 20))
def test_no_object_is_lost_or_emitted_twice_however_runs_and_windows_fall(data: st.DataObject, most: int) -> None:
    """Several runs of several windows, each window read at another time, in any order, with objects that become visible
    late and room for few ids.
    """
    overlap_s = data.draw(st.integers(0, 300))
    latest = st.just(overlap_s)  # the hardest to catch
    lives = data.draw(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, overlap_s) | latest), max_size=60))
    objects = [(ObjectKey(id=f"ch_{number}", created=at), at + late) for number, (at, late) in enumerate(lives)]
    starts = sorted(data.draw(st.sets(st.integers(1, 1600), min_size=1, max_size=6)))
    state: dict[str, object] = {}
    emitted: list[str] = []

    for begun, ended in pairwise([*starts, *range(2000, 2400 + 400 * len(objects), 400)]):
        bookmark = read(state)
        start = bookmark.reread_from
        while start <= begun:
            window = Window(start=start, end=min(begun + 1, start + data.draw(st.integers(1, 400))))
            now = data.draw(st.sampled_from((begun, ended)) | st.integers(begun, ended))
            settled = now - overlap_s
            inside = [each for each, at in objects if at <= now and window.start <= each.created < window.end]
            reach = bookmark.commit_end(window, inside, settled, most)
            if reach > start:
                inside = [each for each in inside if each.created < reach]
                emitted += [each.id for each in inside if not bookmark.has_emitted(each.id)]
                bookmark = bookmark.after(Window(start=start, end=reach), inside, settled)
            if reach < window.end:
                break
            start = window.end
        state = json.loads(json.dumps(bookmark.to_state(LISTED)))
        assert len(ids(bookmark)) <= most

    assert sorted(emitted) == sorted(each.id for each, _ in objects)


@given(end=st.integers(0, 2**33), reread_from=st.integers(0, 2**33), emitted=st.sets(st.text(), max_size=20))
def test_a_bookmark_survives_the_state_file(end: int, reread_from: int, emitted: set[str]) -> None:
    bookmark = last_run(end, reread_from, *emitted)

    state = json.loads(json.dumps(bookmark.to_state(LISTED)))

    assert read(state) == bookmark


def test_the_state_takes_at_most_thirty_bytes_per_id() -> None:
    full = last_run(1, 0, *[f"ch_{number:024}" for number in range(MOST_IDS)])

    assert len(json.dumps(full.to_state(LISTED), separators=(",", ":"))) <= 30 * MOST_IDS + 100


def test_nothing_before_the_start_date_is_read_again() -> None:
    bookmark = read({"replication_key_value": 1000, "reread_from": 400}, start=700)

    assert (bookmark.end, bookmark.reread_from) == (1000, 700)


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", 1.5, True, []])
def test_the_state_of_another_tap_is_refused(value: object) -> None:
    with pytest.raises(UnusableState, match=r"charges.*meltano state clear"):
        read({"replication_key_value": value})


def test_the_events_have_a_bookmark_of_their_own() -> None:
    state = last_run(1000, 400, "evt_1").to_state(EVENTS) | last_run(2000, 1400).to_state(LISTED)

    assert Bookmark.from_state(state, EVENTS, start=0, stream="charges") == last_run(1000, 400, "evt_1")
    assert Bookmark.from_state(state, LISTED, start=0, stream="charges") == last_run(2000, 1400)


def test_a_bookmark_covers_only_emitted_objects() -> None:
    bookmark = last_run(1000, 400, "ch_known")

    assert bookmark.covers("ch_old", 399)
    assert bookmark.covers("ch_known", 900)
    assert not bookmark.covers("ch_late", 400)
