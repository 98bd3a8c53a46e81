"""A range of a real list, read by several threads: each object once, oldest window first, for any density."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stripe_flow.api.errors import PermissionMissing
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.memory import MemoryBudget
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.streams.order import NEWEST_FIRST
from tap_stripe_flow.windows.plan import MOST_OBJECTS, OLDEST, TARGET_OBJECTS
from tap_stripe_flow.windows.reader import DrainedWindow, WindowReader
from tap_stripe_flow.windows.schedule import USUAL_OBJECT_BYTES
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import crowd

POOLS = {threads: PrefetchPool(threads) for threads in (1, 2, 7)}
COUNT = 9_000


@pytest.fixture(scope="module")
def uneven() -> Iterator[Sandbox]:
    """Products in very uneven seconds, and seeded charges in lulls and bursts. Tests only read it."""
    with Sandbox("--seed", "9", "--charges", str(COUNT), "--days", "400") as running:
        start = running.clock() - 5_000_000
        for second, count in UNEVEN.items():
            crowd(running, "/v1/products", "name=x", count, at=start + second)
        running.set_clock(start + 5_000_000)
        yield running


# Seconds → how many objects: a dense one at an edge, beside another, among quiet ones, far away.
UNEVEN = {
    0: 1_250,
    1: 3,
    2: 1_100,
    3: 1_010,
    4: 1,
    500: 7,
    501: 900,
    40_000: 1,
    40_001: 1_001,
    900_000: 260,
    900_001: 1,
}


def listing(sandbox: Sandbox, path: str) -> Listing:
    return Listing(client=open_client(a_config(sandbox.url)), path=path, is_newest_first=path in NEWEST_FIRST)


def whole(drained: DrainedWindow) -> list[ListedRecord]:
    """All records of a window, in the order in which they were read."""
    return [*drained.records, *itertools.chain.from_iterable(page.records() for page in drained.rest or ())]


def read(
    sandbox: Sandbox, path: str, threads: int, start: int, end: int | None
) -> list[tuple[DrainedWindow, list[ListedRecord]]]:
    reader = WindowReader(listing(sandbox, path), POOLS[threads], start, end)
    return [(drained, whole(drained)) for drained in reader.windows()]


def assert_tiled(windows: Sequence[DrainedWindow], start: int, end: int | None) -> None:
    assert windows[0].window.start == start
    assert end is None or windows[-1].window.end == end
    assert all(left.window.end == right.window.start for left, right in itertools.pairwise(windows))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), threads=st.sampled_from(list(POOLS)))
@pytest.mark.parametrize("kind", ["charge", "product"])
def test_every_range_is_yielded_completely_and_in_order(
    uneven: Sandbox, made: dict[str, Sequence[tuple[int, str]]], kind: str, data: st.DataObject, threads: int
) -> None:
    stamps = sorted({created for created, _ in made[kind]})
    edges = st.sampled_from(stamps).flatmap(lambda at: st.integers(at - 2, at + 2))
    start, end = sorted((data.draw(edges), data.draw(edges)))
    end += 1

    out = read(uneven, f"/v1/{kind}s", threads, start, end)

    assert_tiled([drained for drained, _ in out], start, end)
    for drained, found in out:
        assert all(drained.window.start <= each.created < drained.window.end for each in found)
    assert Counter(each.id for _, found in out for each in found) == Counter(
        object_id for created, object_id in made[kind] if start <= created < end
    )


@pytest.fixture(scope="module")
def made(uneven: Sandbox) -> dict[str, Sequence[tuple[int, str]]]:
    """`created` and id of all objects, by type."""
    return {kind: [(each["created"], each["id"]) for each in uneven.objects(kind)] for kind in ("charge", "product")}


@pytest.mark.parametrize("threads", POOLS)
def test_all_of_history_is_read_up_to_the_present(
    uneven: Sandbox, made: dict[str, Sequence[tuple[int, str]]], threads: int
) -> None:
    before = len(uneven.requests())

    out = read(uneven, "/v1/charges", threads, OLDEST, None)
    requests = len(uneven.requests()) - before

    assert_tiled([drained for drained, _ in out], OLDEST, None)
    assert out[-1][0].window.end > uneven.clock() - 60
    assert Counter(each.id for _, found in out for each in found) == Counter(
        object_id for _, object_id in made["charge"]
    )
    assert requests < 1.5 * COUNT / 100


def test_only_a_single_second_is_yielded_in_pages(uneven: Sandbox) -> None:
    for drained, found in read(uneven, "/v1/products", 2, OLDEST, None):
        if len(found) > MOST_OBJECTS + 100:
            assert drained.window.seconds == 1
        assert len(drained.records) <= MOST_OBJECTS + 100


@pytest.mark.parametrize("threads", POOLS)
def test_a_failure_is_raised_after_all_windows_before_it(uneven: Sandbox, threads: int) -> None:
    rule = {"name": "forbidden", "match": {"path": "/v1/charges"}, "at": "before_read", "skip": 30, "times": 1}
    uneven.faults({**rule, "action": {"kind": "answer", "status": 403, "error": {"type": "invalid_request_error"}}})
    out: list[DrainedWindow] = []

    with pytest.raises(PermissionMissing):
        out.extend(WindowReader(listing(uneven, "/v1/charges"), POOLS[threads], OLDEST, None).windows())
    uneven.faults()

    assert out
    assert_tiled(out, OLDEST, None)


def test_a_reader_whose_windows_are_not_consumed_stops(uneven: Sandbox) -> None:
    """What is read ahead is bounded in bytes, and given back when the reader is closed."""
    pool = PrefetchPool(2, memory=MemoryBudget(100_000))
    before = len(uneven.requests())
    windows = WindowReader(listing(uneven, "/v1/charges"), pool, OLDEST, None).windows()
    next(windows)
    settle(uneven)

    assert len(uneven.requests()) - before <= 40
    assert 0 < pool.memory.taken <= pool.memory.most_bytes + MOST_OBJECTS * USUAL_OBJECT_BYTES

    windows.close()  # type: ignore[attr-defined]  # a generator
    settle(uneven)
    asked = len(uneven.requests())
    settle(uneven)
    assert len(uneven.requests()) == asked
    assert pool.memory.taken == 0


def test_readers_share_one_budget_and_all_come_to_their_end(uneven: Sandbox) -> None:
    """A reader that finds no room still reads its oldest window, so no reader waits for another one for ever."""
    pool = PrefetchPool(2, most_threads=4, memory=MemoryBudget(0))
    readers = [WindowReader(listing(uneven, "/v1/charges"), pool, OLDEST, None) for _ in range(3)]
    turns = [reader.windows() for reader in readers]
    found = [Counter[str]() for _ in readers]

    while turns:
        for windows, ids in zip(turns, found, strict=True):
            ids.update(each.id for drained in [next(windows, None)] if drained for each in whole(drained))
        if all(sum(ids.values()) == COUNT for ids in found):
            break

    assert all(set(ids.values()) == {1} for ids in found)
    assert [list(windows) for windows in turns] == [[], [], []]
    assert pool.memory.taken == 0


def test_a_reader_tells_how_much_it_expects_after_its_first_page(uneven: Sandbox) -> None:
    long, short = (WindowReader(listing(uneven, path), POOLS[2], OLDEST, None) for path in ("/v1/charges", "/v1/plans"))

    assert long.read_first_page() > COUNT - 100
    assert short.read_first_page() == 0
    assert sum(len(whole(drained)) for drained in long.windows()) == COUNT
    assert [list(whole(drained)) for drained in short.windows()] == [[]]


def test_only_lists_that_are_being_read_make_the_pool_busy(uneven: Sandbox) -> None:
    pool = PrefetchPool(3)
    rule = {"name": "forbidden", "match": {"path": "/v1/charges"}, "at": "before_read", "times": 1}
    uneven.faults({**rule, "action": {"kind": "answer", "status": 403, "error": {"type": "invalid_request_error"}}})
    with pytest.raises(PermissionMissing) as raised:
        WindowReader(listing(uneven, "/v1/charges"), pool, OLDEST, None).read_first_page()
    uneven.faults()
    assert (raised.value.exit_code, pool.is_busy) == (4, False)  # while the error and its frames are kept

    reader = WindowReader(listing(uneven, "/v1/plans"), pool, OLDEST, None)
    reader.read_first_page()
    assert pool.is_busy
    assert list(reader.windows())
    assert not pool.is_busy


def settle(sandbox: Sandbox) -> None:
    """Wait until no request has been sent for a while."""
    for _ in range(100):
        asked = len(sandbox.requests())
        threading.Event().wait(0.2)
        if len(sandbox.requests()) == asked:
            return
    raise AssertionError("requests do not stop")


def test_windows_hold_about_the_target_number_of_objects(uneven: Sandbox) -> None:
    counts = [len(found) for _, found in read(uneven, "/v1/charges", 2, OLDEST, None) if found]

    assert sum(counts) / len(counts) > TARGET_OBJECTS / 3
    assert max(counts) <= MOST_OBJECTS + 100
