"""The limit of ids over all bookmarks of a state, while readers are ahead of the writer."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.windows.id_pool import IdPool, IdShare

MOST = 100
BOOKMARKS = 3
# A reader commits with a share of the ids that it may hold, or the writer writes the oldest commit of a reader.
steps = st.lists(st.tuples(st.integers(0, BOOKMARKS - 1), st.one_of(st.none(), st.integers(0, 100))), max_size=60)


@given(st.lists(st.integers(0, 30), min_size=BOOKMARKS, max_size=BOOKMARKS), steps)
def test_no_state_ever_holds_more_ids_than_all_bookmarks_may(
    before: list[int], steps: list[tuple[int, int | None]]
) -> None:
    pool, written = IdPool(MOST), list(before)
    unwritten = [deque[int]() for _ in before]
    for bookmark, count in enumerate(before):
        pool.wrote(bookmark, count)
    for bookmark, percent in steps:
        if percent is not None and len(unwritten[bookmark]) < 2:
            with IdShare(pool, bookmark).limit() as most:
                assert most >= written[bookmark]
                taken = most * percent // 100
                IdShare(pool, bookmark).hold(taken)
            unwritten[bookmark].append(taken)
        elif unwritten[bookmark]:
            written[bookmark] = unwritten[bookmark].popleft()
            pool.wrote(bookmark, written[bookmark])
        assert sum(written) <= MOST


def test_what_the_others_leave_may_be_held() -> None:
    pool = IdPool(MOST)
    pool.wrote("charges", 60)
    pool.hold("charges", 10)

    assert (pool.most_for("refunds"), pool.most_for("charges")) == (40, 100)

    pool.wrote("charges", 10)

    assert pool.most_for("refunds") == 90
