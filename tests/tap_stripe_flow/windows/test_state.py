"""What the state holds of all streams and accounts together, and that it never stands in the way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.windows.bookmark import EVENTS, LISTED, MOST_IDS, Bookmark
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.state import StateKeeper, StreamState, ids_held
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd

MOST_STATE_BYTES = 300_000

seconds = st.integers(0, 2**33)
ids = st.frozensets(st.text(min_size=1, max_size=8), max_size=5)
bookmarks = st.builds(
    lambda end, reread_from, known: Bookmark(end=end, reread_from=reread_from, recalled=known, recalled_until=end),
    seconds,
    seconds,
    ids,
)
windows = st.tuples(seconds, st.integers(1, 1000)).map(lambda pair: Window(start=pair[0], end=pair[0] + pair[1]))
memories = st.builds(
    StreamState,
    listed=st.none() | bookmarks,
    events=st.none() | bookmarks,
    gap=st.none() | windows,
    started_at=st.none() | seconds,
)


@given(memories)
def test_a_memory_survives_the_state_file(stream_state: StreamState) -> None:
    state = json.loads(json.dumps(stream_state.to_state()))

    assert StreamState.from_state(state, start=0, stream="charges") == stream_state


@given(st.lists(memories, min_size=1, max_size=4), memories)
def test_all_ids_of_a_state_are_counted(parts: list[StreamState], alone: StreamState) -> None:
    partitions = [{"context": {"_stripe_account": str(number)}, **part.to_state()} for number, part in enumerate(parts)]
    state = {"bookmarks": {"charges": {"partitions": partitions}, "refunds": alone.to_state()}}

    expected = sum(len(bookmark.ids) for part in [*parts, alone] for bookmark in (part.listed, part.events) if bookmark)
    assert ids_held(state) == expected


def test_parts_are_replaced_one_by_one() -> None:
    keeper = StateKeeper(StreamState(started_at=7))

    keeper.take(listed=Bookmark.at(10))
    state = keeper.take(events=Bookmark.at(20))

    assert state["started_at"] == 7
    assert (state[LISTED.end], state[EVENTS.end]) == (10, 20)


@given(
    held=st.integers(0, 30),
    most=st.integers(-20, 10),
    overlap_s=st.integers(1, 50),
    width=st.integers(1, 40),
)
def test_a_state_that_holds_too_much_does_not_stand_in_the_way(
    held: int, most: int, overlap_s: int, width: int
) -> None:
    """Whatever an earlier version, or another account, left behind: once all is settled, the list is read on."""
    objects = [ObjectKey(id=str(number), created=100 + number) for number in range(held)]
    bookmark = Bookmark(
        end=100 + held, reread_from=100, recalled=frozenset(each.id for each in objects), recalled_until=100 + held
    )
    now, start = 1_000 + overlap_s, 100

    while start < now - overlap_s:
        window = Window(start=start, end=start + width)
        inside = [each for each in objects if window.start <= each.created < window.end]
        reach = bookmark.reach(window, inside, now - overlap_s, most)
        assert reach > start
        bookmark = bookmark.after(Window(start=start, end=reach), inside, now - overlap_s)
        assert len(bookmark.ids) <= held
        start = reach

    assert bookmark.ids == frozenset()


def emitted(done: list[Ended], stream: str) -> Counter[tuple[str, str]]:
    return Counter((each["_stripe_account"], each["id"]) for run in done for each in run.records(stream))


def assert_is_small(state: Message) -> None:
    assert ids_held(state) <= MOST_IDS
    assert len(json.dumps(state, separators=(",", ":"))) < MOST_STATE_BYTES


def test_streams_and_accounts_share_what_the_state_may_hold(tmp_path: Path) -> None:
    """Busier within the overlap than the state can remember: some waits, nothing is lost, nothing comes twice."""
    with Sandbox() as sandbox:
        settings = a_config(sandbox.url, account_ids=["self", CONNECTED], customers_mode="list")
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
    assert ids_held(done[0].states[-1]) > MOST_IDS * 0.9
    assert sum(emitted(done[:2], stream).total() for stream in ("customers", "charges")) <= MOST_IDS
    assert emitted(done, "customers") == made["customer"]
    assert emitted(done, "charges") == made["charge"]
    assert ids_held(done[2].states[-1]) == 0


def test_events_share_it_too(sandbox: Sandbox, tmp_path: Path) -> None:
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
