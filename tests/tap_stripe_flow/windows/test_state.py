"""The state of all streams and accounts together, and its limit of ids."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.windows.bookmark import EVENTS, LISTED, Bookmark
from tap_stripe_flow.windows.id_pool import MOST_IDS
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.state import StateKeeper, StreamState
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.selection import EACH_STREAMS_AT_ONCE
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd

MOST_STATE_BYTES = 300_000

seconds = st.integers(0, 2**33)
ids = st.frozensets(st.text(min_size=1, max_size=8), max_size=5)
bookmarks = st.builds(
    lambda end, before_s, known: Bookmark(
        end=end, reread_from=max(0, end - before_s), state_ids=known, state_ids_before=end
    ),
    seconds,
    st.sampled_from([0, 1, 600]),
    ids,
)
windows = st.tuples(seconds, st.integers(1, 1000)).map(lambda pair: Window(start=pair[0], end=pair[0] + pair[1]))
stream_states = st.builds(
    StreamState,
    listed=st.none() | bookmarks,
    events=st.none() | bookmarks,
    gap=st.none() | windows,
    started_at=st.none() | seconds,
)


def count_ids(state: Mapping[str, object]) -> int:
    """How many ids the tap's whole state holds, over all streams and accounts."""
    count = 0
    for name, value in state.items():
        if name in {LISTED.ids, EVENTS.ids} and isinstance(value, list):
            count += len(value)
        for child in value if isinstance(value, list) else [value]:
            count += count_ids(child) if isinstance(child, Mapping) else 0
    return count


@given(stream_states)
def test_a_stream_state_survives_the_state_file(stream_state: StreamState) -> None:
    state = json.loads(json.dumps(stream_state.to_state()))

    assert StreamState.from_state(state, start=0, stream="charges") == stream_state


@given(st.lists(stream_states, min_size=1, max_size=4), stream_states)
def test_all_ids_of_a_state_are_counted(states: list[StreamState], alone: StreamState) -> None:
    partitions = [
        {"context": {"_stripe_account": str(number)}, **state_.to_state()} for number, state_ in enumerate(states)
    ]
    state = {"bookmarks": {"charges": {"partitions": partitions}, "refunds": alone.to_state()}}

    expected = sum(
        len(bookmark.ids) for state_ in [*states, alone] for bookmark in (state_.listed, state_.events) if bookmark
    )
    assert count_ids(state) == expected


def test_members_of_the_state_are_replaced_one_by_one() -> None:
    keeper = StateKeeper(StreamState(started_at=7))

    keeper.update(listed=Bookmark.at(10))
    state = keeper.update(events=Bookmark.at(20))

    assert state["started_at"] == 7
    assert (state[LISTED.end], state[EVENTS.end]) == (10, 20)


@given(
    held=st.integers(0, 30),
    most=st.integers(-20, 10),
    overlap_s=st.integers(1, 50),
    width=st.integers(1, 40),
)
def test_a_state_with_too_many_ids_does_not_stop_reading(held: int, most: int, overlap_s: int, width: int) -> None:
    """Ids left by an earlier version or another account: once all is settled, the list is read on."""
    objects = [ObjectKey(id=str(number), created=100 + number) for number in range(held)]
    bookmark = Bookmark(
        end=100 + held, reread_from=100, state_ids=frozenset(each.id for each in objects), state_ids_before=100 + held
    )
    now, start = 1_000 + overlap_s, 100

    while start < now - overlap_s:
        window = Window(start=start, end=start + width)
        inside = [each for each in objects if window.start <= each.created < window.end]
        reach = bookmark.commit_end(window, inside, now - overlap_s, most)
        assert reach > start
        bookmark = bookmark.after(Window(start=start, end=reach), inside, now - overlap_s)
        assert len(bookmark.ids) <= held
        start = reach

    assert bookmark.ids == frozenset()


def emitted(done: list[Ended], stream: str) -> Counter[tuple[str, str]]:
    return Counter((each["_stripe_account"], each["id"]) for run in done for each in run.records(stream))


def assert_is_small(state: Message) -> None:
    assert count_ids(state) <= MOST_IDS
    assert len(json.dumps(state, separators=(",", ":"))) < MOST_STATE_BYTES


@pytest.mark.promise("tap 7", "Streams and accounts share the 9,000 ids of a state")
@EACH_STREAMS_AT_ONCE
def test_streams_and_accounts_share_the_limit_of_ids_in_the_state(streams_at_once: int, tmp_path: Path) -> None:
    """More objects in the overlap than the state can remember: the rest waits, and each is emitted once."""
    with Sandbox() as sandbox:
        accounts = {"account_ids": ["self", CONNECTED], "streams_at_once": streams_at_once}
        settings = a_config(sandbox.url, customers_mode="list", **accounts)
        start = sandbox.clock()
        for second in range(0, 40, 4):
            for account in (PLATFORM, CONNECTED):
                crowd(sandbox, "/v1/customers", "", 350, at=start + second, account=account)
                crowd(sandbox, "/v1/charges", A_CHARGE, 130, at=start + second, account=account)
        sandbox.set_clock(start + 100)

        done: list[Ended] = []
        for now in (100, 400, 800):
            sandbox.set_clock(start + now)
            done.append(run_tap(tmp_path, settings, state=done[-1].states[-1] if done else None))
        made = {
            kind: Counter(
                (account, each["id"]) for account in (PLATFORM, CONNECTED) for each in sandbox.objects(kind, account)
            )
            for kind in ("customer", "charge")
        }

    for run in done:
        assert run.code == 0
        for state in run.states:
            assert_is_small(state)
    assert count_ids(done[0].states[-1]) > MOST_IDS * 0.9
    assert sum(emitted(done[:2], stream).total() for stream in ("customers", "charges")) <= MOST_IDS
    assert emitted(done, "customers") == made["customer"]
    assert emitted(done, "charges") == made["charge"]
    assert count_ids(done[2].states[-1]) == 0


@pytest.mark.volume
def test_the_ids_of_events_count_against_the_same_limit(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = a_config(sandbox.url, customers_mode="list", capture="changes")
    start = sandbox.clock()
    state = run_tap(tmp_path, settings).states[-1]
    for second in range(1, 4):
        crowd(sandbox, "/v1/charges", A_CHARGE, 1_700, at=start + second)  # as many events

    for now in (10, 1_400):
        sandbox.set_clock(start + now)
        done = run_tap(tmp_path, settings, state=state)
        state = done.states[-1]
        assert done.code == 0
        for each in done.states:
            assert_is_small(each)

    assert state["bookmarks"]["charges"]["reread_from"] >= start + 700
    assert state["bookmarks"]["charges"]["events_reread_from"] >= start + 700
