"""A pool of threads that send requests ahead of the one thread that writes.

It uses daemon threads: a `ThreadPoolExecutor` joins its threads at exit, so a signal would wait for requests that
sleep.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class PrefetchPool:
    """A pool of `threads` daemon threads, started with the first job; they end with the process."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_started = False

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run `job` on one of the threads. Cancelling the future drops a job that has not begun."""
        if not self._is_started:
            self._is_started = True
            for number in range(self.threads):
                threading.Thread(target=self._work, name=f"stripe-prefetch-{number}", daemon=True).start()
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001  # raised by `Future.result`
                future.set_exception(error)

        self._jobs.put(run)
        return future

    def in_order(self, jobs: Iterable[Callable[[], T]]) -> Iterator[T]:
        """The results of `jobs` in their order; at most twice `threads` are begun ahead. Raises what a job raises."""
        begun: deque[Future[T]] = deque()
        try:
            for job in jobs:
                begun.append(self.submit(job))
                if len(begun) >= 2 * self.threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

    def _work(self) -> None:
        while True:
            self._jobs.get()()
