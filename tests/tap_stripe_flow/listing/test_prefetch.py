from __future__ import annotations

import functools
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_stripe_flow.listing.prefetch import PrefetchPool
from tests.support.plugins import ROOT, clean_env

POOL = PrefetchPool(3)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40))
def test_results_are_in_the_order_of_their_jobs(waits_ms: list[int]) -> None:
    def job(number: int, wait_ms: int) -> int:
        time.sleep(wait_ms / 1000)
        return number

    jobs = (functools.partial(job, number, wait_ms) for number, wait_ms in enumerate(waits_ms))

    assert list(POOL.in_order(jobs)) == list(range(len(waits_ms)))


def test_a_failure_is_raised_in_the_order_of_the_jobs() -> None:
    def fail() -> int:
        raise LookupError("third")

    results = POOL.in_order([lambda: 1, lambda: 2, fail, lambda: 4])

    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(LookupError, match="third"):
        next(results)


def test_at_most_twice_the_threads_are_begun() -> None:
    begun = itertools.count()
    taken: list[int] = []

    def jobs() -> Iterator[Callable[[], int]]:
        for _ in range(100):
            taken.append(next(begun))
            yield lambda: 0

    results = POOL.in_order(jobs())
    next(results)

    assert len(taken) <= 2 * POOL.threads


def test_jobs_that_have_not_begun_are_dropped_when_the_results_are_abandoned() -> None:
    pool, gate, done = PrefetchPool(1), threading.Event(), list[int]()

    def job(number: int) -> int:
        gate.wait(10)
        done.append(number)
        return number

    results = pool.in_order(functools.partial(job, number) for number in range(10))
    threading.Timer(0.05, gate.set).start()
    assert next(results) == 0
    gate.clear()
    results.close()
    gate.set()
    last = pool.submit(lambda: 99).result(10)

    assert last == 99
    assert len(done) <= 3


def test_jobs_overlap_on_as_many_threads_as_there_are() -> None:
    together = threading.Barrier(3, timeout=10)

    results = list(PrefetchPool(3).in_order([together.wait] * 3))

    assert sorted(results) == [0, 1, 2]


def test_no_thread_is_started_without_a_job() -> None:
    before = threading.active_count()

    list(PrefetchPool(50).in_order([]))

    assert threading.active_count() == before


def test_a_process_ends_without_waiting_for_prefetched_requests() -> None:
    imports = "import time; from tap_stripe_flow.listing.prefetch import PrefetchPool"
    program = f"{imports}; PrefetchPool(2).submit(lambda: time.sleep(60)); print(1)"

    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_env(), cwd=ROOT, timeout=20, capture_output=True, check=True
    )

    assert done.stdout == b"1\n"
