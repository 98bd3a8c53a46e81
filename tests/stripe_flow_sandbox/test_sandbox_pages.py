"""Every page is the slice that sorting and filtering all objects would give."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_sandbox.answers.codec import decode
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.pages import Query, read

SECONDS = st.integers(0, 12)
MADE = st.lists(st.tuples(SECONDS, st.sampled_from("ab")), max_size=30)


@given(MADE, st.data(), st.integers(1, 8), st.tuples(SECONDS, SECONDS), st.sets(st.sampled_from("abc")))
def test_a_page_is_a_piece_of_the_sorted_whole(
    made: list[tuple[int, str]], draw: Any, limit: int, window: tuple[int, int], kinds: set[str]
) -> None:
    since, until = window
    collection = Collection()
    for number, (created, kind) in enumerate(made):
        collection.insert({"id": f"x_{number}", "created": created, "kind": kind})
    newest_first = sorted(range(len(made)), key=lambda number: (made[number][0], number), reverse=True)
    wanted = [
        number
        for number in newest_first
        if since <= made[number][0] < until and (not kinds or made[number][1] in kinds)
    ]
    cursor = draw.draw(st.none() | st.sampled_from(newest_first)) if made else None
    is_backwards = draw.draw(st.booleans())
    place = None if cursor is None else collection.place(f"x_{cursor}")
    filters = {"kind": sorted(kinds)} if kinds else {}
    after, before = (None, place) if is_backwards else (place, None)
    query = Query(limit=limit, since=since, until=until, filters=filters, after=after, before=before)

    page = read(collection, query, now=0)

    if cursor is not None:
        rank = newest_first.index(cursor)
        inside = set(newest_first[:rank] if is_backwards else newest_first[rank + 1 :])
        wanted = [number for number in wanted if number in inside]
    is_from_the_end = is_backwards and cursor is not None
    expected = wanted[-limit:] if is_from_the_end else wanted[:limit]
    assert [decode(collection.body_at(each))["id"] for each in page.places] == [f"x_{number}" for number in expected]
    assert page.has_more == (len(wanted) > limit)
