"""A pool of threads that send requests ahead of their readers.

It uses daemon threads: a `ThreadPoolExecutor` joins its threads at exit, so a signal would wait for requests that
sleep.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from tap_stripe_flow.listing.memory import MemoryBudget

T = TypeVar("T")


class PrefetchPool:
    """A pool of daemon threads, started when jobs need them; they end with the process.

    - `threads` is how many jobs one reader begins at once.
    - `most_threads` is how many threads the readers have together; None: as many as one reader.
    - `memory` is the budget for what the readers read ahead.
    """

    def __init__(self, threads: int, most_threads: int | None = None, memory: MemoryBudget | None = None) -> None:
        self.threads = threads
        self.memory = memory or MemoryBudget()
        self._most_threads = most_threads or threads
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = self._free = 0  # free threads, less the jobs that wait for one
        self._readers = 0
        self._lock = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether so many lists are being read that each has at most three threads to itself."""
        return 3 * self._readers >= self.threads

    @contextmanager
    def counted_reader(self) -> Iterator[None]:
        """A block in which a list is read."""
        self._count_reader(1)
        try:
            yield
        finally:
            self._count_reader(-1)

    def _count_reader(self, change: int) -> None:
        with self._lock:
            self._readers += change

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run `job` on one of the threads. Cancelling the future drops a job that has not begun."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001  # raised by `Future.result`
                future.set_exception(error)

        self._jobs.put(run)
        self._start_thread_if_needed()
        return future

    def in_order(self, jobs: Iterable[Callable[[], T]]) -> Generator[T, None, None]:
        """The results of `jobs` in their order; at most twice `threads` are begun ahead. Raises what a job raises.

        A job may use this, too: what has not begun when its result is needed runs on the thread that needs it.
        Closing the generator drops the jobs that have not begun.
        """
        begun: deque[tuple[Callable[[], T], Future[T]]] = deque()
        try:
            for job in jobs:
                begun.append((job, self.submit(job)))
                if len(begun) >= 2 * self.threads:
                    yield _result(*begun.popleft())
            while begun:
                yield _result(*begun.popleft())
        finally:
            for _, future in begun:
                future.cancel()

    def _start_thread_if_needed(self) -> None:
        with self._lock:
            self._free -= 1
            if self._free >= 0 or self._started == self._most_threads:
                return
            self._started += 1
            self._free += 1
            number = self._started
        threading.Thread(target=self._work, name=f"stripe-prefetch-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                self._free += 1


def _result(job: Callable[[], T], future: Future[T]) -> T:
    return job() if future.cancel() else future.result()
