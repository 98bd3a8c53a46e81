"""Which streams of an account read their events together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.capture.event_groups import MOST_APART_S, MOST_TYPES, Follower, event_groups
from tap_stripe_flow.capture.stream_events import event_types
from tap_stripe_flow.streams import STREAMS

NOW = 1_790_000_000
types = st.frozensets(st.sampled_from([f"kind_{n}.updated" for n in range(60)]), min_size=1, max_size=MOST_TYPES)
followers = st.lists(
    st.builds(
        lambda name, types, since: Follower(stream=name, account=None, types=types, since=since),
        st.from_regex(r"[a-z]{1,6}", fullmatch=True),
        types,
        st.none() | st.integers(NOW - 3 * MOST_APART_S, NOW),
    ),
    unique_by=lambda each: each.stream,
    max_size=30,
)


@given(followers)
def test_each_stream_is_in_one_group_whose_types_one_request_takes(streams: Sequence[Follower]) -> None:
    groups = event_groups(streams)

    assert Counter(each.stream for group in groups for each in group.followers) == Counter(
        each.stream for each in streams
    )
    for group in groups:
        assert group.types == frozenset().union(*(each.types for each in group.followers))
        assert len(group.types) <= MOST_TYPES


@given(followers)
def test_streams_of_a_group_are_near_in_time(streams: Sequence[Follower]) -> None:
    for group in event_groups(streams):
        since = [each.since for each in group.followers if each.since is not None]
        assert len(since) in {0, len(group.followers)}
        assert group.since == min(since, default=None)
        assert max(since, default=0) - min(since, default=0) <= MOST_APART_S


@given(followers, st.data())
def test_the_groups_do_not_depend_on_the_order_of_the_streams(streams: Sequence[Follower], data: st.DataObject) -> None:
    assert event_groups(data.draw(st.permutations(streams))) == event_groups(streams)


@given(followers)
def test_streams_with_the_same_types_and_time_are_in_one_group(streams: Sequence[Follower]) -> None:
    for group in event_groups(streams):
        for other in event_groups(streams):
            shared = {(each.types, each.since) for each in group.followers}
            assert group == other or not shared & {(each.types, each.since) for each in other.followers}


def test_each_event_of_all_streams_is_requested_once() -> None:
    every = [
        Follower(stream=spec.name, account=None, types=frozenset(event_types(spec)), since=NOW)
        for spec in STREAMS
        if event_types(spec)
    ]
    groups = event_groups(every)
    asked = Counter(each for group in groups for each in group.types)

    assert set(asked.values()) == {1}
    assert asked.keys() == {each for stream in every for each in stream.types}
    assert len(groups) == -(-len(asked) // MOST_TYPES)
