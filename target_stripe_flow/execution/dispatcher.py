"""Does the work of many records at once, and lets STATE out only behind what is done.

    ledger      every piece of work and every STATE in the order of the input; settled from the left
    lanes       two pieces of work that share a lane never run at once, and run in the order of the input
    workers     daemon threads, so that nothing they wait for can hold up the end of the process

A lane per customer gives both "a customer before its charges" and "one customer's charges never in parallel"; Stripe
would answer the latter with lock_timeout.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stripe_flow.api.errors import StripeFlowError

# Flat memory whatever the input; far more than any worker count can have under way.
MOST_OPEN = 1_000
# What is done but must wait before it counts holds up all behind it in the ledger: at this length it is time to decide.
LONG_LEDGER = 20_000
# Meltano writes every STATE line into its database and state backend.
STATE_EVERY_S = 2.0
LOOK_UP_EVERY_S = 0.2
# What is in flight when the run is to end gets this long: a request's own time limit is shorter.
LAST_WAIT_S = 120.0

State = dict[str, object]


class Tallied(Protocol):
    """Of work that is done but may have to wait before it counts."""

    @property
    def is_over(self) -> bool:
        """Whether it counts."""


# Does a piece of work; what it returns, if anything, must be over before a STATE may pass.
Do = Callable[[], Tallied | None]


@dataclass(eq=False)
class _Work:
    do: Do
    lanes: Sequence[str]
    blockers: int = 0
    followers: list[_Work] = field(default_factory=list)
    is_done: bool = False
    tallied: Tallied | None = None


def _nothing() -> None:
    """What is left to do of work that is done."""


class Dispatcher:
    """`submit`, `state` and `flush` are for one thread, the reader's."""

    def __init__(
        self,
        *,
        workers: int,
        emit: Callable[[State], None],
        wake: Callable[[], None],
        look_up: Callable[[], None] = lambda: None,
    ) -> None:
        """`emit` prints a STATE; `wake` ends the reader's wait for input once a fatal error has happened.

        `look_up` is called now and then while the reader waits here instead; it raises where a signal has come.
        """
        self._emit, self._wake, self._look_up = emit, wake, look_up
        self._ledger: deque[_Work | State] = deque()
        self._tails: dict[str, _Work] = {}
        self._ready: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()  # None: nothing more will come
        self._changed = threading.Condition()
        self._open = 0
        self._running = 0
        self._is_closed = False
        self._held: State | None = None
        self._emitted_at = float("-inf")
        self.fatal: Exception | None = None
        self._workers = workers
        for number in range(workers):
            threading.Thread(target=self._run, name=f"stripe-worker-{number}", daemon=True).start()

    def is_free(self, lane: str) -> bool:
        """Whether nothing in this lane is under way or waits."""
        with self._changed:
            return lane not in self._tails

    @property
    def is_long(self) -> bool:
        """Whether much that is done waits behind something that does not count yet."""
        return len(self._ledger) > LONG_LEDGER

    @property
    def in_flight(self) -> int:
        """What was submitted and is not done, as of a moment ago."""
        return self._open

    def submit(self, do: Do, lanes: Sequence[str]) -> None:
        """Have `do` called by a worker, after all earlier work in `lanes`. Waits while too much is open.

        Raises the fatal error of a worker, if there was one; whatever `do` raises is fatal.
        """
        with self._changed:
            self._wait_until(lambda: self._open < MOST_OPEN)
            work = _Work(do, lanes)
            self._ledger.append(work)
            self._open += 1
            for lane in lanes:
                before = self._tails.get(lane)
                if before is not None:
                    before.followers.append(work)
                    work.blockers += 1
                self._tails[lane] = work
            if not work.blockers:
                self._ready.put(work)

    def state(self, value: State) -> None:
        """A STATE of the input, to be printed once all before it is done; the last one wins."""
        with self._changed:
            if self._ledger and not isinstance(self._ledger[-1], _Work):
                self._ledger[-1] = value  # nothing happened in between
            else:
                self._ledger.append(value)
            self._settle()

    def tick(self) -> None:
        """Print a STATE that was held back only because another had just been printed."""
        with self._changed:
            self._settle()

    def flush(self) -> None:
        """Wait until all is done. Raises the fatal error, if there was one."""
        with self._changed:
            self._wait_until(lambda: not self._open)

    def stop(self) -> None:
        """Begin nothing more; idle workers end."""
        with self._changed:
            self._is_closed = True
        for _ in range(self._workers):
            self._ready.put(None)

    def close(self) -> None:
        """Begin nothing more, wait for what is in flight, print the STATE that is covered."""
        self.stop()
        deadline = time.monotonic() + LAST_WAIT_S
        with self._changed:
            while self._running and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            if not isinstance(self.fatal, OSError):  # then nobody reads STATE any more
                self._settle()
                self._emit_held()

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait, holding `_changed`. Raises the fatal error, or what `look_up` raises."""
        while not is_so() and self.fatal is None:
            self._changed.wait(LOOK_UP_EVERY_S)
            self._look_up()
        self.raise_fatal()

    def raise_fatal(self) -> None:
        if self.fatal is not None:
            raise self.fatal

    def _run(self) -> None:
        while True:
            work = self._ready.get()
            with self._changed:
                if work is None or self._is_closed or self.fatal is not None:
                    return
                self._running += 1
            error: Exception | None = None
            try:
                work.tallied = work.do()
            except Exception as raised:  # noqa: BLE001  # the edge of a thread: the reader raises it again
                error = raised
            with self._changed:
                self._running -= 1
                try:
                    self._finish(work, error)
                except (OSError, StripeFlowError) as gone:  # STATE could not be printed, or rejects not be written
                    self._fail(gone)
                self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        self.fatal = self.fatal or error
        self._wake()

    def _finish(self, work: _Work, error: Exception | None) -> None:
        if error is not None:
            if not self._is_closed:  # once the run is stopping, what could not be finished stays undone
                self._fail(error)
            return
        work.is_done, work.do = True, _nothing  # it may stay in the ledger for long, and the record need not
        self._open -= 1
        for lane in work.lanes:
            if self._tails.get(lane) is work:
                del self._tails[lane]
        for follower in work.followers:
            follower.blockers -= 1
            if not follower.blockers:
                self._ready.put(follower)
        work.followers.clear()
        self._settle()

    def _settle(self) -> None:
        """Take from the left of the ledger what is done; hold the last STATE met, and print it when it is time."""
        while self._ledger:
            first = self._ledger[0]
            if isinstance(first, _Work):
                if not first.is_done or (first.tallied is not None and not first.tallied.is_over):
                    break
            else:
                self._held = first
            self._ledger.popleft()
        if time.monotonic() - self._emitted_at >= STATE_EVERY_S:
            self._emit_held()

    def _emit_held(self) -> None:
        if self._held is not None:
            self._emit(self._held)
            self._held, self._emitted_at = None, time.monotonic()
