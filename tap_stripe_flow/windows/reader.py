"""Reads a range of one list, several windows at once, and hands them out oldest first.

One thread plans and hands out; the threads of the `PrefetchPool` only drain windows. The number of threads bounds what
is held at any time, whatever the size of the account.
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
from tap_stripe_flow.windows.drain import Read, drain
from tap_stripe_flow.windows.plan import TARGET, Plan, Stage, Window

# How many records may wait, packed, for each thread that reads.
HELD_PER_THREAD = 1000


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A window that was read, newest object first. `date_unix` is Stripe's time as of its first page.

    `rest` are the pages that follow, still to be asked for: a second that holds too much for a buffer.
    """

    window: Window
    found: Sequence[ListedRecord]
    date_unix: int
    rest: Iterator[Page] | None = None


class Reader:
    """One pass over [start, end) of a list; `end` None: up to Stripe's present."""

    def __init__(self, listing: Listing, prefetch: PrefetchPool, start: int, end: int | None) -> None:
        self._listing = listing
        self._ahead = prefetch
        self._range = (start, end)
        self._plan = Plan()
        self._waiting: dict[Window, Read] = {}
        self._under_way: dict[Window, Future[Read]] = {}
        self._ended: queue.SimpleQueue[Window] = queue.SimpleQueue()
        self._failure: BaseException | None = None

    def windows(self) -> Iterator[Drained]:
        """Every window of the range, oldest first. Raises StripeError once all that lies before the failure is out."""
        first = drain(self._listing, *self._range)
        self._plan = Plan.being_read(first.window)
        self._close(first.window, first)
        try:
            while self._plan.parts:
                self._begin()
                window = self._plan.next_out()
                if window is not None:
                    yield self._hand_out(window)
                elif self._failure is not None and self._plan.parts[0].window not in self._under_way:
                    raise self._failure
                else:
                    self._note(self._ended.get())
                while not self._ended.empty():
                    self._note(self._ended.get())
        finally:
            for future in self._under_way.values():
                future.cancel()

    def _begin(self) -> None:
        """Have windows drained, as many as there are threads and room for."""
        while self._failure is None and self._has_room():
            size = self._plan.size(self._ahead.threads)
            window = self._plan.take(size)
            if window is None:
                return
            future = self._ahead.submit(
                functools.partial(drain, self._listing, window.start, window.end, self._plan.usual_per_s, size)
            )
            self._under_way[window] = future
            future.add_done_callback(lambda _, window=window: self._ended.put(window))  # type: ignore[misc]  # a default

    def _has_room(self) -> bool:
        """Bounded by what is held; but the oldest is always read, or nothing would ever go out."""
        if len(self._under_way) >= self._ahead.threads:
            return False
        held = sum(read.count for read in self._waiting.values()) + len(self._under_way) * TARGET // 2
        if held < self._ahead.threads * HELD_PER_THREAD:
            return True
        return bool(self._plan.parts) and self._plan.parts[0].stage is Stage.WAITING

    def _note(self, window: Window) -> None:
        try:
            self._close(window, self._under_way.pop(window).result())
        except Exception as error:  # noqa: BLE001  # raised in its turn, by `windows`
            self._failure = self._failure or error

    def _close(self, window: Window, read: Read) -> None:
        kept = self._plan.close(
            window, read.read_from, found=read.count, expected=read.expected, is_dense=read.is_dense
        )
        if kept is not None:
            self._waiting[kept] = read

    def _hand_out(self, window: Window) -> Drained:
        read = self._waiting.pop(window)
        return Drained(window=window, found=read.found(), date_unix=read.pages[0].date_unix, rest=read.rest)
