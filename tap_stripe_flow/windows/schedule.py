"""Decides which window of a range is read next, within a budget of memory; without requests and threads.

The writer needs the oldest window next, and all windows behind it wait in memory. So:

- Windows are begun while the budget has room for them. The oldest one always may be read.
- Where nothing more may be begun, a window that is being read leaves its older half to another thread: the oldest
  window if the budget is used up, else the one with the most left, so that all threads end at about the same time.
"""

from __future__ import annotations

from collections.abc import Iterator

from tap_stripe_flow.listing.memory import MemoryBudget
from tap_stripe_flow.windows.plan import TARGET_OBJECTS, Plan, Stage, Window
from tap_stripe_flow.windows.reach import Reach, Stop

# How many bytes a compressed object takes, until some were read.
USUAL_OBJECT_BYTES = 500


class Schedule:
    """The windows of one reader that are being read, and those that were read and wait.

    - `plan` has one window, which is being read: the whole range.
    - `threads` is how many windows are read at once, `memory` the budget that all readers share.
    - `can_share`: the list shows its objects newest first, so that two threads can read one window.
    """

    def __init__(self, plan: Plan, threads: int, memory: MemoryBudget, *, can_share: bool = True) -> None:
        self._plan, self._threads, self._memory, self._can_share = plan, threads, memory, can_share
        self._reading: dict[Reach, int] = {}  # → the bytes that are reserved for it
        self._waiting: dict[Window, int] = {}  # → its bytes
        self._objects, self._bytes = 1, USUAL_OBJECT_BYTES

    @property
    def is_over(self) -> bool:
        """Whether every window was taken."""
        return not self._plan.parts

    @property
    def is_stuck(self) -> bool:
        """Whether the oldest window is neither read nor being read."""
        oldest = self._plan.parts[0]
        return oldest.stage is not Stage.READ and all(reach.window != oldest.window for reach in self._reading)

    def starts(self) -> Iterator[Reach]:
        """The windows to begin now."""
        while len(self._reading) < self._threads:
            reach = self._next() or (self._next() if self._share() else None)
            if reach is None:
                return
            yield reach

    def finish(self, window: Window, stop: Stop, size_bytes: int, reach: Reach | None = None) -> Window | None:
        """Note what was read of `window`, in bytes; returns the part that was read, None if nothing was."""
        self._memory.take(-self._reading.pop(reach, 0) if reach else 0)
        kept = self._plan.finish(
            window, stop.read_from, count=stop.count, expected=stop.expected, is_dense=stop.is_dense
        )
        if kept is not None:
            self._memory.take(size_bytes)
            self._waiting[kept] = size_bytes
            self._objects, self._bytes = self._objects + stop.count, self._bytes + size_bytes
        return kept

    def fail(self, reach: Reach) -> None:
        """Note that a window cannot be read."""
        self._memory.take(-self._reading.pop(reach))

    def pop(self) -> Window | None:
        """The oldest window, which is taken out; None while it is not read. `release` gives its memory back."""
        return self._plan.pop_finished()

    def release(self, window: Window) -> None:
        """Give the memory of a window back that was taken out and written."""
        self._memory.take(-self._waiting.pop(window))

    def close(self) -> None:
        """Give all memory back."""
        self._memory.take(-sum(self._reading.values()) - sum(self._waiting.values()))
        self._reading, self._waiting = {}, {}

    def _next(self) -> Reach | None:
        reserved = TARGET_OBJECTS * self._bytes // self._objects // 2  # half of it: it fills as it is read
        if self._memory.try_take(reserved):
            window = self._plan.start_next()
            self._memory.take(0 if window else -reserved)
        else:
            window = self._plan.start_oldest()
            self._memory.take(reserved if window else 0)
        if window is None:
            return None
        reach = Reach(window, usual_per_s=self._plan.usual_per_s, can_share=self._can_share)
        self._reading[reach] = reserved
        return reach

    def _share(self) -> bool:
        """Let a window leave its older half to another thread; whether one did."""
        is_full = any(part.stage is Stage.WAITING for part in self._plan.parts)
        oldest = self._plan.parts[0].window if self._plan.parts else None
        able = [reach for reach in self._reading if not is_full or reach.window == oldest]
        for reach in sorted(able, key=lambda each: each.left, reverse=True)[:1]:
            window = reach.window
            shared = reach.share()
            if shared is not None:
                self._plan.share(window, *shared)
                return True
        return False
