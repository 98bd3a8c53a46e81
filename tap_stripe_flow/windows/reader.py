"""Reads a range of one list, several windows in parallel, and yields the windows oldest first.

One thread plans the windows and yields them; the threads of the `PrefetchPool` only drain windows. The pool's budget
bounds the memory of all readers together, whatever the size of the account.
"""

from __future__ import annotations

import functools
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import cast

from tap_stripe_flow.listing.pages import Listing, Page
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.drain import DrainResult, FirstPage, drain
from tap_stripe_flow.windows.plan import TARGET_OBJECTS, Plan, Window
from tap_stripe_flow.windows.reach import Reach
from tap_stripe_flow.windows.schedule import Schedule


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
        self._first: FirstPage | None = None
        self._counted = ExitStack()
        self._drained: dict[Window, DrainResult] = {}
        self._draining: dict[Reach, Future[DrainResult]] = {}
        self._events: queue.SimpleQueue[Reach | None] = queue.SimpleQueue()  # a window is done; None: a page was read
        self._failure: BaseException | None = None

    def read_first_page(self) -> float:
        """Read the newest page; returns how many objects are estimated to follow it, see `FirstPage.expected`.

        Raises StripeError.
        """
        with ExitStack() as counted:
            counted.enter_context(self._prefetch.counted_reader())
            self._first = FirstPage(self._listing, *self._range)
            self._counted = counted.pop_all()  # until `windows` has ended; a page that fails ends it
        return self._first.expected

    def windows(self) -> Iterator[DrainedWindow]:
        """The windows of the range, oldest first. Raises StripeError after all windows before the failure."""
        if self._first is None:
            self.read_first_page()
        with self._counted:
            yield from self._windows(cast("FirstPage", self._first))

    def _windows(self, page: FirstPage) -> Iterator[DrainedWindow]:
        # The pages after the first one may show that the list is short. Otherwise its rest is cut into windows, and
        # those before the account's first object are read in vain: worth it if the threads have nothing else to do.
        whole, first = page.window, page.drain(self._at_least)
        can_share = self._listing.is_newest_first
        schedule = Schedule(Plan.reading(whole), self._prefetch.threads, self._prefetch.memory, can_share=can_share)
        self._finish(schedule, whole, first)
        try:
            while not schedule.is_over:
                if self._failure is None:
                    self._start_windows(schedule)
                window = schedule.pop()
                if window is not None:
                    yield self._pop(window, page.range.start if window.start == whole.start else window.start)
                    schedule.release(window)
                elif self._failure is not None and schedule.is_stuck:
                    raise self._failure
                else:
                    self._take_event(schedule)
                while not self._events.empty():
                    self._take_event(schedule)
        finally:
            schedule.close()
            for future in self._draining.values():
                future.cancel()

    @property
    def _at_least(self) -> int:
        """How many objects are read page by page: none where the range begins with the list's oldest objects."""
        return TARGET_OBJECTS if self._prefetch.is_busy and self._listing.kept_days is None else 0

    def _start_windows(self, schedule: Schedule) -> None:
        for reach in schedule.starts():
            future = self._prefetch.submit(functools.partial(drain, self._listing, reach, self._note_page))
            self._draining[reach] = future
            future.add_done_callback(lambda _, reach=reach: self._events.put(reach))  # type: ignore[misc]  # a default

    def _note_page(self) -> None:
        self._events.put(None)

    def _take_event(self, schedule: Schedule) -> None:
        reach = self._events.get()
        if reach is None:
            return
        try:
            result = self._draining.pop(reach).result()
        except Exception as error:  # noqa: BLE001  # `windows` raises it after the windows before it
            self._failure = self._failure or error
            schedule.fail(reach)
        else:
            self._finish(schedule, reach.window, result, reach)

    def _finish(self, schedule: Schedule, window: Window, result: DrainResult, reach: Reach | None = None) -> None:
        kept = schedule.finish(window, result.stop, result.size_bytes, reach)
        if kept is not None:
            self._drained[kept] = result

    def _pop(self, window: Window, start: int) -> DrainedWindow:
        """A window that was read, from `start` on."""
        result = self._drained.pop(window)
        return DrainedWindow(
            window=replace(window, start=start),
            records=result.records(),
            date_unix=result.pages[0].date_unix,
            last_date_unix=result.pages[-1].date_unix,
            rest=result.rest,
        )
