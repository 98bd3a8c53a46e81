"""Threads that read ahead while one thread writes.

Daemon threads of our own: a `ThreadPoolExecutor` joins its threads at exit, so a signal would wait for requests that
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
    """`threads` of them, started when there is first something to do; they end with the process."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = False

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Do `job` on one of the threads; cancel the result to have it not begun."""
        if not self._started:
            self._started = True
            for number in range(self.threads):
                threading.Thread(target=self._work, name=f"stripe-ahead-{number}", daemon=True).start()
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001  # it is raised where the result is asked for
                future.set_exception(error)

        self._jobs.put(run)
        return future

    def in_order(self, jobs: Iterable[Callable[[], T]]) -> Iterator[T]:
        """The results of `jobs` in their order, twice as many begun as there are threads. Raises what a job raises."""
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
