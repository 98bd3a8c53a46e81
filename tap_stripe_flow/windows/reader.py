"""Reads a range of one list, several windows in parallel, and yields the windows oldest first.

One thread plans the windows and yields them; the threads of the `PrefetchPool` only drain windows. The number of
threads bounds the memory, whatever the size of the account.
"""

from __future__ import annotations

import functools
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.drain import DrainResult, drain
from tap_stripe_flow.windows.plan import TARGET_OBJECTS, Plan, Stage, Window

# How many compressed records may wait in memory, per thread of the pool.
HELD_PER_THREAD = 1000


@dataclass(frozen=True, kw_only=True)
class DrainedWindow:
    """A window that was read.

    - `records` are its records, newest first.
    - `date_unix` is Stripe's time when its first page was requested, `last_date_unix` when its last one was.
    - `rest` are the following pages, not requested yet, of a second that holds too much for a buffer.
    """

    window: Window
    records: Sequence[ListedRecord]
    date_unix: int
    last_date_unix: int
    rest: Iterator[Page] | None = None


class WindowReader:
    """One pass over [start, end) of a list, in Unix seconds; `end` None: up to Stripe's present."""

    def __init__(self, listing: Listing, prefetch: PrefetchPool, start: int, end: int | None) -> None:
        self._listing = listing
        self._prefetch = prefetch
        self._range = (start, end)
        self._plan = Plan()
        self._drained: dict[Window, DrainResult] = {}
        self._draining: dict[Window, Future[DrainResult]] = {}
        self._done: queue.SimpleQueue[Window] = queue.SimpleQueue()
        self._failure: BaseException | None = None

    def windows(self) -> Iterator[DrainedWindow]:
        """The windows of the range, oldest first. Raises StripeError after all windows before the failure."""
        first = drain(self._listing, *self._range)
        self._plan = Plan.reading(first.window)
        self._finish(first.window, first)
        try:
            while self._plan.parts:
                self._start_windows()
                window = self._plan.pop_finished()
                if window is not None:
                    yield self._pop(window)
                elif self._failure is not None and self._plan.parts[0].window not in self._draining:
                    raise self._failure
                else:
                    self._take_result(self._done.get())
                while not self._done.empty():
                    self._take_result(self._done.get())
        finally:
            for future in self._draining.values():
                future.cancel()

    def _start_windows(self) -> None:
        """Submit windows to the pool while there are threads and memory for them."""
        while self._failure is None and self._has_room():
            size = self._plan.size(self._prefetch.threads)
            window = self._plan.start_next(size)
            if window is None:
                return
            future = self._prefetch.submit(
                functools.partial(drain, self._listing, window.start, window.end, self._plan.usual_per_s, size)
            )
            self._draining[window] = future
            future.add_done_callback(lambda _, window=window: self._done.put(window))  # type: ignore[misc]  # a default

    def _has_room(self) -> bool:
        """Whether one more window may be read. The oldest always may: the windows after it wait for it."""
        if len(self._draining) >= self._prefetch.threads:
            return False
        held = sum(result.count for result in self._drained.values()) + len(self._draining) * TARGET_OBJECTS // 2
        if held < self._prefetch.threads * HELD_PER_THREAD:
            return True
        return bool(self._plan.parts) and self._plan.parts[0].stage is Stage.WAITING

    def _take_result(self, window: Window) -> None:
        try:
            self._finish(window, self._draining.pop(window).result())
        except Exception as error:  # noqa: BLE001  # `windows` raises it after the windows before it
            self._failure = self._failure or error

    def _finish(self, window: Window, result: DrainResult) -> None:
        kept = self._plan.finish(
            window, result.read_from, count=result.count, expected=result.expected, is_dense=result.is_dense
        )
        if kept is not None:
            self._drained[kept] = result

    def _pop(self, window: Window) -> DrainedWindow:
        result = self._drained.pop(window)
        return DrainedWindow(
            window=window,
            records=result.records(),
            date_unix=result.pages[0].date_unix,
            last_date_unix=result.pages[-1].date_unix,
            rest=result.rest,
        )
