"""Cuts a range of `created` into windows: pure; whole Unix seconds, half-open, oldest first.

Stripe lists newest first and cannot list oldest first. A window is therefore read to its start before its first record
is written, and must be small. The density of the objects is not known beforehand. So the whole range is requested as
one window; the part that was read is kept, and the part before it is cut into windows as wide as the density seen last
suggests, but at least an eighth of it:

    [start ························ end)      one page holds all → done (most incremental runs end here)
    [start ·············· x)[x ··· end)      more: the newest part is read, [start, x) waits
    [ ··· )[ ··· )[ ····· x)[x ··· end)      windows are cut from it, and several are read at once
    [ ··· )[ x)[x )[ ···· x)[x ··· end)      a window that turns out too dense is cut in the same way

Nothing is read twice except the objects of the one second at each cut. Empty years cost few requests, since each cut
narrows the range eightfold.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

# Before Stripe's first charge, so no object has an earlier `created`. Unix seconds.
OLDEST = 1_262_304_000  # 2010-01-01
DAY_S = 24 * 60 * 60
# How many objects a window should hold: seven pages. Smaller, and the half-empty last page of each window would cost
# more requests; larger, and a run that is killed would repeat more.
TARGET_OBJECTS = 700
# A window is not read further than this. Only a single second may hold more.
MOST_OBJECTS = 2 * TARGET_OBJECTS
# A range is cut into at most this many windows at once: the density of one window is only a guess for years around it.
MOST_PARTS = 8
# A single page may be a burst or a lull: the usual density has the weight of this many objects.
USUAL_WEIGHT = 300
# How much of the usual density is kept with each new window.
USUAL_DECAY = 0.9


@dataclass(frozen=True, kw_only=True, order=True)
class Window:
    """The seconds from `start` up to but not including `end`. Raises ValueError if it is empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a window must hold at least a second, not [{self.start}, {self.end})")

    @property
    def seconds(self) -> int:
        return self.end - self.start


def estimate(window: Window, count: int, oldest: int, usual_per_s: float = 0) -> float:
    """How many objects `window` is estimated to hold before second `oldest`; `count` were read from its end to there.

    By their density, weighted with the usual one: `usual_per_s` objects a second, 0 if it is not known.
    """
    seconds = max(1, window.end - oldest)
    weight = USUAL_WEIGHT if usual_per_s else 0
    per_s = (count + weight) / (seconds + (weight / usual_per_s if weight else 0))
    return per_s * (oldest - window.start)


def is_too_much(count: int, before: float) -> bool:
    """Whether to stop reading a window; `count` objects were read, `before` are estimated before them.

    A small rest is read too: it is not worth a window of its own.
    """
    return count > MOST_OBJECTS or (count + before > TARGET_OBJECTS * 3 // 2 and before > TARGET_OBJECTS / 4)


class Stage(enum.Enum):
    """How far a part of the range is: to be cut into windows, being read, or read."""

    WAITING = enum.auto()
    READING = enum.auto()
    READ = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the range.

    - `per_s` is how many objects a second is estimated to hold.
    - `at_least_s` is the least width, in seconds, of a window cut from it.
    - `is_unseen`: only what follows it was read yet, and most of it may be before the account's first object.
    """

    window: Window
    stage: Stage
    per_s: float = 0
    at_least_s: int = 1
    is_unseen: bool = False

    @classmethod
    def waiting(cls, window: Window, expected: float) -> Part:
        """A part that is estimated to hold `expected` objects and is not being read yet."""
        at_least_s = -(-window.seconds // MOST_PARTS)
        per_s = expected / window.seconds
        return cls(window=window, stage=Stage.WAITING, per_s=per_s, at_least_s=at_least_s)

    @property
    def expected(self) -> float:
        """How many objects it is estimated to hold."""
        return self.per_s * self.window.seconds

    def carve(self) -> list[Part]:
        """Its oldest window, to be read now, and the rest; a rest of less than half a window is read with it."""
        seconds = self.window.seconds
        target_s = seconds if self.expected <= TARGET_OBJECTS else int(TARGET_OBJECTS / self.per_s)
        stop = self.window.start + max(target_s, self.at_least_s)
        if stop + target_s // 2 >= self.window.end:
            return [replace(self, stage=Stage.READING)]
        first = replace(self, window=Window(start=self.window.start, end=stop), stage=Stage.READING)
        return [first, replace(self, window=Window(start=stop, end=self.window.end))]

    def narrowing(self) -> list[Part]:
        """Its windows, each three quarters of what is left, so that the first object is found in few requests."""
        parts, start, end = list[Part](), self.window.start, self.window.end
        while start < end:
            is_last = self.per_s * (end - start) <= TARGET_OBJECTS
            stop = end if is_last else start + -(-(end - start) * 3 // 4)
            window = Window(start=start, end=stop)
            parts.append(replace(self, window=window, at_least_s=window.seconds, is_unseen=True))
            start = stop
        return parts


@dataclass
class Plan:
    """The parts of the range that are not yielded yet, oldest first.

    `usual_per_s` is how many objects a second held in the last windows; 0 until a window held any.
    """

    parts: list[Part] = field(default_factory=list)
    usual_per_s: float = 0
    _is_unseen: bool = True
    _usual: tuple[float, float] = (0, 0)  # objects, seconds

    @classmethod
    def reading(cls, window: Window) -> Plan:
        """A plan whose range is one window that is being read."""
        return cls([Part(window=window, stage=Stage.READING)])

    def start_next(self) -> Window | None:
        """Mark the next waiting window as being read, and return it; None if none waits.

        The next one is the oldest, and while nothing but the newest objects was seen, the newest: it surely holds some.
        """
        waiting = [index for index, part in enumerate(self.parts) if part.stage is Stage.WAITING]
        if not waiting:
            return None
        index = next((index for index in reversed(waiting) if self.parts[index].is_unseen), waiting[0])
        return self._start(index)

    def start_oldest(self) -> Window | None:
        """Like `start_next`, but only the oldest window of the range; None if it does not wait."""
        return self._start(0) if self.parts and self.parts[0].stage is Stage.WAITING else None

    def share(self, window: Window, middle: int, expected: float) -> Window:
        """Note that of a window that is being read the part before `middle`, with `expected` objects, waits again.

        Returns the window that is still being read.
        """
        index = self._index(window)
        left = Window(start=middle, end=window.end)
        waiting = Part.waiting(Window(start=window.start, end=middle), expected)
        self.parts[index : index + 1] = [waiting, replace(self.parts[index], window=left)]
        return left

    def _start(self, index: int) -> Window:
        part = self.parts[index]
        per_s = min(part.per_s, self.usual_per_s or part.per_s)  # too wide costs nothing, too narrow half a page
        self.parts[index : index + 1] = replace(part, per_s=per_s).carve()
        return self.parts[index].window

    def finish(
        self, window: Window, read_from: int, *, count: int = 0, expected: float = 0, is_dense: bool = False
    ) -> Window | None:
        """Note that `window` was read from its end back to `read_from`, with `count` objects.

        `expected` is how many objects are estimated before `read_from`. `is_dense`: the second before `read_from` alone
        holds more than was read. Returns the part that was read, or None if nothing was.
        """
        index = self._index(window)
        parts = _parts_before(window.start, read_from, expected, is_dense=is_dense, is_unseen=self._is_unseen)
        self._is_unseen = False
        kept = Window(start=read_from, end=window.end) if read_from < window.end else None
        if kept is not None:
            parts.append(Part(window=kept, stage=Stage.READ))
            self._learn(count, kept.seconds)
        self.parts[index : index + 1] = parts
        return kept

    def pop_finished(self) -> Window | None:
        """Remove the oldest window from the plan and return it; None while it is not read."""
        if not self.parts or self.parts[0].stage is not Stage.READ:
            return None
        return self.parts.pop(0).window

    def _index(self, window: Window) -> int:
        return next(index for index, part in enumerate(self.parts) if part.window == window)

    def _learn(self, count: int, seconds: int) -> None:
        """Update the usual density; empty windows do not count, since they say nothing about the others."""
        if count:
            objects, spent_s = self._usual
            self._usual = objects * USUAL_DECAY + count, spent_s * USUAL_DECAY + seconds
            self.usual_per_s = self._usual[0] / self._usual[1]


def _parts_before(start: int, end: int, expected: float, *, is_dense: bool, is_unseen: bool) -> list[Part]:
    """The rest [start, end) of a window; a dense last second is a part of its own, since it cannot be cut."""
    if start == end:
        return []
    if is_dense and end - start > 1:
        before = _parts_before(start, end - 1, expected, is_dense=False, is_unseen=is_unseen)
        return [*before, Part.waiting(Window(start=end - 1, end=end), TARGET_OBJECTS)]
    rest = Part.waiting(Window(start=start, end=end), expected)
    return rest.narrowing() if is_unseen else [rest]
