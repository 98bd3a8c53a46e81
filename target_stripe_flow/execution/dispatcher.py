"""Processes many records in parallel, and prints a STATE only when every record before it is done.

    ledger      all tasks and STATEs in the order of the input; what is done leaves it from the left
    lanes       two tasks that share a lane never run at once, and run in the order of the input
    workers     daemon threads, so that a waiting worker never delays the end of the process

A lane per customer puts a customer before its charges, and never charges one customer twice at once: Stripe would
answer that with lock_timeout.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stripe_flow.api.errors import OutputLost, StripeFlowError

# Keeps memory flat; far more tasks than any number of workers can run at once.
MOST_OPEN = 1_000
# A record that is held back keeps everything behind it in the ledger. At this length it has to be counted or resumed.
LONG_LEDGER = 20_000
# Meltano writes every STATE line into its database and state backend.
STATE_EVERY_S = 2.0
CHECK_EVERY_S = 0.2
# At the end of a run the tasks in flight get this long: the time limit of a request is shorter.
LAST_WAIT_S = 120.0

State = dict[str, object]


class Tallied(Protocol):
    """The result of a task that is done, but may not be counted yet."""

    @property
    def is_over(self) -> bool:
        """Whether it is counted, so that a STATE may pass it."""

    @property
    def is_barrier(self) -> bool:
        """Whether no STATE of this run may pass it."""


# Does the work of one record. If it returns something, that must be over before a STATE may pass.
Task = Callable[[], Tallied | None]


@dataclass(eq=False)
class _Work:
    task: Task
    lanes: Sequence[str]
    blockers: int = 0
    followers: list[_Work] = field(default_factory=list)
    is_done: bool = False
    tallied: Tallied | None = None


def _no_task() -> None:
    """Takes the place of a task that is done, which is then freed."""


class Dispatcher:
    """Runs tasks in worker threads. Only one thread, the reader, may call `submit`, `state` and `flush`."""

    def __init__(
        self,
        *,
        workers: int,
        emit: Callable[[State], None],
        wake: Callable[[], None],
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """`emit` prints a STATE; `wake` ends the reader's wait for input after a fatal error.

        `on_wait` is called every `CHECK_EVERY_S` while the reader waits here; it raises after a signal.
        """
        self._emit, self._wake, self._on_wait = emit, wake, on_wait
        self._ledger: deque[_Work | State] = deque()
        self._tails: dict[str, _Work] = {}
        self._ready: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()  # None: no more work follows
        self._changed = threading.Condition()
        self._open = 0
        self._running = 0
        self._is_closed = False
        self._is_barred = False  # a record that no STATE may pass is at the left: nothing behind it needs a ledger
        self._unprinted: State | None = None
        self._is_output_lost = False
        self._emitted_at = float("-inf")
        self.fatal: BaseException | None = None
        self._workers = workers
        for number in range(workers):
            threading.Thread(target=self._run, name=f"stripe-worker-{number}", daemon=True).start()

    def is_free(self, lane: str) -> bool:
        """Whether no task of this lane runs or waits."""
        with self._changed:
            return lane not in self._tails

    @property
    def is_long(self) -> bool:
        """Whether more than `LONG_LEDGER` entries wait behind one that is not counted yet."""
        return len(self._ledger) > LONG_LEDGER

    @property
    def in_flight(self) -> int:
        """The number of tasks that were submitted and are not done; it may be a moment old."""
        return self._open

    def submit(self, task: Task, lanes: Sequence[str]) -> None:
        """Let a worker run `task` after all earlier tasks in `lanes`. Waits while `MOST_OPEN` tasks are open.

        A lane that is named twice counts once: a task would wait for itself.

        Raises the fatal error of a worker, if there was one; every error that `task` raises is fatal.
        """
        with self._changed:
            self._wait_until(lambda: self._open < MOST_OPEN)
            work = _Work(task, lanes)
            if not self._is_barred:
                self._ledger.append(work)
            self._open += 1
            for lane in dict.fromkeys(lanes):
                before = self._tails.get(lane)
                if before is not None:
                    before.followers.append(work)
                    work.blockers += 1
                self._tails[lane] = work
            if not work.blockers:
                self._ready.put(work)

    def state(self, value: State) -> None:
        """Print a STATE once every record before it is done; a later STATE replaces it."""
        with self._changed:
            if self._is_barred:
                return
            if self._ledger and not isinstance(self._ledger[-1], _Work):
                self._ledger[-1] = value  # no record is between the two
            else:
                self._ledger.append(value)
            self._advance()

    def tick(self) -> None:
        """Print a STATE that waits only because another was printed less than `STATE_EVERY_S` ago."""
        with self._changed:
            self._advance()

    def flush(self) -> None:
        """Wait until all tasks are done. Raises the fatal error, if there was one."""
        with self._changed:
            self._wait_until(lambda: not self._open)

    def stop(self) -> None:
        """Start no more tasks; idle workers end."""
        with self._changed:
            self._is_closed = True
        for _ in range(self._workers):
            self._ready.put(None)

    def close(self) -> None:
        """Start no more tasks, wait at most `LAST_WAIT_S` for those in flight, print the last STATE that is reached."""
        self.stop()
        deadline = time.monotonic() + LAST_WAIT_S
        with self._changed:
            while self._running and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            self._advance()
            self._print_state()

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait, holding `_changed`. Raises the fatal error, or what `on_wait` raises."""
        while not condition() and self.fatal is None:
            self._changed.wait(CHECK_EVERY_S)
            self._on_wait()
        self.raise_fatal()

    def raise_fatal(self) -> None:
        """Raises the fatal error of a worker, if there was one."""
        if self.fatal is not None:
            raise self.fatal

    def _run(self) -> None:
        while True:
            work = self._ready.get()
            with self._changed:
                if work is None or self._is_closed or self.fatal is not None:
                    return
                self._running += 1
            error: BaseException | None = None
            try:
                work.tallied = work.task()
            except BaseException as raised:  # noqa: BLE001  # the edge of a thread: the reader raises it again
                error = raised
            with self._changed:
                self._running -= 1
                try:
                    self._finish(work, error)
                except (OSError, StripeFlowError) as failed:  # STATE could not be printed, or rejects not be written
                    self._fail(failed)
                self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        self.fatal = self.fatal or error
        self._wake()

    def _finish(self, work: _Work, error: BaseException | None) -> None:
        if error is not None:
            if not self._is_closed:  # while the run stops, an unfinished task is left to the next run
                self._fail(error)
            return
        work.is_done, work.task = True, _no_task  # the entry may stay in the ledger; its record must not
        self._open -= 1
        for lane in work.lanes:
            if self._tails.get(lane) is work:
                del self._tails[lane]
        for follower in work.followers:
            follower.blockers -= 1
            if not follower.blockers:
                self._ready.put(follower)
        work.followers.clear()
        self._advance()

    def _advance(self) -> None:
        """Remove done entries from the left of the ledger; print their last STATE, at most every `STATE_EVERY_S`."""
        while self._ledger:
            first = self._ledger[0]
            if isinstance(first, _Work):
                if not first.is_done or (first.tallied is not None and not first.tallied.is_over):
                    if first.is_done and first.tallied is not None and first.tallied.is_barrier:
                        self._is_barred = True
                        self._ledger.clear()
                    break
            else:
                self._unprinted = first
            self._ledger.popleft()
        if time.monotonic() - self._emitted_at >= STATE_EVERY_S:
            self._print_state()

    def _print_state(self) -> None:
        if self._unprinted is None or self._is_output_lost:
            return
        try:
            self._emit(self._unprinted)
        except OutputLost:
            self._is_output_lost = True  # what is in flight is finished all the same
            raise
        self._unprinted, self._emitted_at = None, time.monotonic()
