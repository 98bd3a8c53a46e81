"""How far one window was read, newest first, and whether to read on; without requests."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tap_stripe_flow.windows.plan import MOST_OBJECTS, Window, estimate, is_too_much

# The older part of a window is given to another thread if at least so many objects are estimated to be left: two pages.
WORTH_SHARING = 200
# More objects of one second than these are a burst, and say nothing about the seconds around it.
MOST_OF_A_SECOND = 10


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Why a window is not read further: it was read back to `read_from`, with `count` objects.

    - `expected` is how many objects are estimated before `read_from`.
    - `is_dense`: the second before `read_from` alone holds more than was read.
    - `is_cut`: `window` has more objects before `read_from`.
    - `has_rest`: the window is a second with more objects than a buffer holds, and the rest of them follows.
    """

    read_from: int
    count: int
    expected: float = 0
    is_dense: bool = False
    is_cut: bool = False
    has_rest: bool = False


class Reach:
    """How far `window` was read. One thread adds what it reads; another one may take the older part of the window.

    - `usual_per_s` is how many objects a second held lately; 0: not known.
    - `can_share`: the list shows its objects newest first, so that the rest may be read by another thread.
    - `at_least`: so many objects are read, however many are left.
    """

    def __init__(self, window: Window, *, usual_per_s: float = 0, can_share: bool = False, at_least: int = 0) -> None:
        self.window = window
        self._at_least = at_least
        self._usual_per_s, self._can_share = usual_per_s, can_share
        self._created: list[int] = []
        self._is_over = False
        self._lock = threading.Lock()

    def add(self, created: Sequence[int], *, has_more: bool) -> Stop | None:
        """Note a page that was read; `has_more`: a page follows. Returns why to stop; None: read on."""
        with self._lock:
            self._created += created
            stop = self._stop(has_more=has_more)
            self._is_over = stop is not None
            return stop

    def end(self) -> Stop:
        """Note that the list ended, though its last page promised more; returns the same as `add`."""
        with self._lock:
            self._is_over = True
            return self._whole()

    @property
    def left(self) -> float:
        """How many objects that are not read yet are estimated to be left; 0 before the first page and at the end."""
        with self._lock:
            return self._left()

    def share(self) -> tuple[int, float] | None:
        """Leave the older half of what was not read to another thread.

        Returns the end of that half, which starts where `window` did, and how many objects are estimated in it; None if
        the window is better read by one thread.
        """
        with self._lock:
            left, start = self._left(), self.window.start
            if not self._can_share or left < WORTH_SHARING:
                return None
            oldest = self._created[-1]
            middle = (start + oldest) // 2
            if not start < middle < oldest:
                return None
            self.window = Window(start=middle, end=self.window.end)
            return middle, left * (middle - start) / (oldest - start)

    def _left(self) -> float:
        return self._estimate() if self._created and not self._is_over and self._is_newest_first else 0

    def _stop(self, *, has_more: bool) -> Stop | None:
        start, created = self.window.start, self._created
        is_behind = bool(created) and created[-1] < start and self._is_newest_first  # that part is another thread's
        if is_behind or not has_more:
            return self._whole()
        if not created or not self._is_newest_first:  # only a list that came newest first shows how far it was read
            return None
        if self.window.seconds == 1:
            is_full = len(created) > MOST_OBJECTS
            return replace(self._whole(), has_rest=True) if is_full else None
        expected = self._estimate()
        return self._cut(expected) if is_too_much(len(created), expected) and len(created) >= self._at_least else None

    def _whole(self) -> Stop:
        start = self.window.start
        return Stop(read_from=start, count=sum(each >= start for each in self._created))

    def _cut(self, expected: float) -> Stop:
        """Only whole seconds are kept: the next page may have more objects of the oldest second."""
        oldest = self._created[-1]
        return Stop(
            read_from=oldest + 1,
            count=sum(each > oldest for each in self._created),
            expected=expected,
            is_dense=self._created[0] == oldest,
            is_cut=True,
        )

    def _estimate(self) -> float:
        count = len(self._created)
        if self._usual_per_s:
            count = sum(min(each, MOST_OF_A_SECOND) for each in Counter(self._created).values())
        return estimate(self.window, count, self._created[-1], self._usual_per_s)

    @property
    def _is_newest_first(self) -> bool:
        return self._created == sorted(self._created, reverse=True)
