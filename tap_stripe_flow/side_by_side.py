"""Runs readers on threads, several at once, and hands what they read to one thread: the only writer.

A reader is an iterator of items. Its items come in its own order, and it reads at most one item ahead of the writer.

A reader of a long list yields how much it expects after its first page. It then waits until the others have read
theirs, and the longest goes on first: otherwise a long list that begins last would be read alone.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeVar

R = TypeVar("R")
T = TypeVar("T")

# How many readers may wait after their first page: each holds it, compressed.
MOST_WAITING = 256


@dataclass(frozen=True)
class Expected:
    """An item that is not for the writer: the reader expects to send so many requests."""

    requests: float


@dataclass(eq=False)
class Lane(Generic[R, T]):
    """One reader with its items; `room` is free while none of its items waits for the writer."""

    reader: R
    items: Iterator[T | Expected]
    room: threading.Semaphore = field(default_factory=threading.Semaphore)
    is_over: bool = False


@dataclass(frozen=True)
class Step(Generic[R, T]):
    """What a reader did: it has read `item`; or without an item, it has ended, with `error` if it failed."""

    lane: Lane[R, T]
    item: T | None = None
    error: BaseException | None = None

    @property
    def reader(self) -> R:
        return self.lane.reader


class SideBySide(Generic[R, T]):
    """Reads with `at_once` of the readers at a time, in their order, inside `with`; `read` is called on their threads.

    The threads are daemons: those that wait for an answer end with the process.
    """

    def __init__(self, readers: Iterable[R], read: Callable[[R], Iterator[T | Expected]], at_once: int) -> None:
        self._new = deque(Lane(reader, read(reader)) for reader in readers)
        self._left = set(self._new)
        self._at_once = at_once
        self._waiting: list[tuple[float, int, Lane[R, T]]] = []  # a heap, the longest first
        self._count = itertools.count()
        self._ready: queue.SimpleQueue[Step[R, T]] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        for number in range(min(self._at_once, len(self._new))):
            threading.Thread(target=self._work, name=f"stripe-reader-{number}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._new.clear()
            self._waiting.clear()
        for lane in tuple(self._left):
            self.abandon(lane)

    @property
    def is_done(self) -> bool:
        """Whether all readers have ended or were abandoned."""
        return not self._left

    def next_step(self, timeout_s: float | None = None) -> Step[R, T] | None:
        """The next step of any reader; None after `timeout_s`. The reader goes on once `written` is called."""
        while True:
            try:
                step = self._ready.get(timeout=timeout_s)
            except queue.Empty:
                return None
            if step.lane.is_over:
                continue
            if step.item is None:
                self._left.discard(step.lane)
            return step

    def written(self, step: Step[R, T]) -> None:
        """The item was written: the reader may hand over its next one."""
        step.lane.room.release()

    def abandon(self, lane: Lane[R, T]) -> None:
        """Take no more steps of this reader; it ends when its request has ended."""
        lane.is_over = True
        self._left.discard(lane)
        lane.room.release()

    def _work(self) -> None:
        while (lane := self._next_lane()) is not None:
            self._read(lane)

    def _next_lane(self) -> Lane[R, T] | None:
        with self._lock:
            if self._new:
                return self._new.popleft()
            while self._waiting:
                lane = heapq.heappop(self._waiting)[2]
                if not lane.is_over:
                    return lane
            return None

    def _read(self, lane: Lane[R, T]) -> None:
        error: BaseException | None = None
        try:
            for item in lane.items:
                if isinstance(item, Expected):
                    if self._let_wait(lane, item.requests):
                        return
                    continue
                lane.room.acquire()
                if lane.is_over:
                    return
                self._ready.put(Step(lane, item))
        except BaseException as raised:  # noqa: BLE001  # the writer judges it
            error = raised
        lane.room.acquire()  # what the readers have read and nobody has written stays bounded
        self._ready.put(Step(lane, error=error))

    def _let_wait(self, lane: Lane[R, T], requests: float) -> bool:
        """Whether the reader waits because others have not read their first page."""
        with self._lock:
            if lane.is_over or not self._new or len(self._waiting) == MOST_WAITING:
                return False
            heapq.heappush(self._waiting, (-requests, next(self._count), lane))
            return True
