"""How a range of `created` is cut into windows: pure, in whole Unix seconds, half-open, oldest first.

Stripe lists newest first and cannot be asked for the oldest, so a window is drained before it is emitted, and must
therefore be small. Nobody knows the density beforehand. So a range is asked for as it is; what comes of it is kept,
and from what is left windows are carved as wide as the density seen last suggests, but at least an eighth of it:

    [start ························ end)      one page: all there is → done (an idle tick ends here)
    [start ·············· x)[x ··· end)      more: the newest part is read, [start, x) waits
    [ ··· )[ ··· )[ ····· x)[x ··· end)      windows are carved from it, several are read at once
    [ ··· )[ x)[x )[ ···· x)[x ··· end)      one that turns out too dense is cut in the same way

Nothing that was read is read again but for the objects of the one second at each cut. Empty years cost a few
requests, since each cut narrows eightfold where something is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

# Before Stripe's first charge; the oldest `created` that any account can hold.
OLDEST = 1_262_304_000  # 2010-01-01
# Six pages: large enough that the last, half-empty page of a window hardly counts, small enough to buffer.
TARGET = 600
# Towards the end of a range windows shrink to this, so that no thread has a long one left when the others have none.
LEAST = TARGET * 2 // 3
# Whatever a window seems to hold, it is not read further than that.
MOST = 2 * TARGET
# What a density says of years that it was not seen in is a guess: a range is not cut into more than so many at once.
MOST_PARTS = 8
# A page may be a burst or a lull: what was usual lately counts like so many objects beside it.
USUAL_COUNTS = 300
# How much of what was usual stays so with each window.
FADE = 0.9


@dataclass(frozen=True, kw_only=True, order=True)
class Window:
    """The seconds from `start` up to but not including `end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a window must hold at least a second, not [{self.start}, {self.end})")

    @property
    def seconds(self) -> int:
        return self.end - self.start


def estimate(window: Window, found: int, oldest: int, usual_per_s: float = 0) -> float:
    """How many objects `window` still holds before `oldest`, `found` of them having been read from its end.

    By the density of these, and by what was usual lately.
    """
    seconds = max(1, window.end - oldest)
    weight = USUAL_COUNTS if usual_per_s else 0
    per_s = (found + weight) / (seconds + (weight / usual_per_s if weight else 0))
    return per_s * (oldest - window.start)


def is_too_much(found: int, before: float, size: int = TARGET) -> bool:
    """Whether to stop here, in a window that should be of this size; a small rest is not worth one of its own."""
    return found > 2 * size or (found + before > size * 3 // 2 and before > size / 4)


class Stage(enum.Enum):
    """How far a part of the range has come: windows are still to be carved from it, being read, read."""

    WAITING = enum.auto()
    READING = enum.auto()
    READ = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Part:
    """`per_s` is how many objects a second is thought to hold, `at_least_s` how wide a window to carve at least.

    `is_unknown`: nothing of it was seen yet, and most of it may be the time before the account's first object. Then
    three quarters are carved at a time, so that the beginning is found by doubling, not by walking.
    """

    window: Window
    stage: Stage
    per_s: float = 0
    at_least_s: int = 1
    is_unknown: bool = False

    @classmethod
    def waiting(cls, window: Window, expected: float, *, is_unknown: bool = False) -> Part:
        """A part that holds `expected` objects by all that is known."""
        at_least_s = -(-window.seconds // MOST_PARTS)
        per_s = expected / window.seconds
        return cls(window=window, stage=Stage.WAITING, per_s=per_s, at_least_s=at_least_s, is_unknown=is_unknown)

    @property
    def expected(self) -> float:
        """How many objects it is thought to hold."""
        return self.per_s * self.window.seconds

    def carve(self, size: int = TARGET) -> list[Part]:
        """The oldest window, to be read now, and what is left. What would be a sliver stays with it."""
        seconds = self.window.seconds
        target_s = seconds if self.expected <= size else int(size / self.per_s)
        at_least_s = -(-seconds * 3 // 4) if self.is_unknown else self.at_least_s
        stop = self.window.start + max(target_s, at_least_s)
        if stop + target_s // 2 >= self.window.end:
            return [replace(self, stage=Stage.READING)]
        first = replace(self, window=Window(start=self.window.start, end=stop), stage=Stage.READING)
        return [first, replace(self, window=Window(start=stop, end=self.window.end))]


@dataclass
class Plan:
    """The parts between here and the end of the range, oldest first; what went out is gone from it."""

    parts: list[Part] = field(default_factory=list)
    usual_per_s: float = 0
    _is_unknown: bool = True
    _seen: tuple[float, float] = (0, 0)

    @classmethod
    def being_read(cls, window: Window) -> Plan:
        """A range that is a single window so far, and somebody reads it."""
        return cls([Part(window=window, stage=Stage.READING)])

    def size(self, threads: int) -> int:
        """How many objects a window should hold, where so many threads share what is left."""
        left = sum(part.expected for part in self.parts if part.stage is Stage.WAITING)
        return int(min(TARGET, max(LEAST, left / threads)))

    def take(self, size: int = TARGET) -> Window | None:
        """The oldest window that nobody reads yet, of about this size; from now on somebody does."""
        at = self._first_waiting()
        if at is None:
            return None
        part = self.parts[at]
        per_s = min(part.per_s, self.usual_per_s or part.per_s)  # too wide costs nothing, too narrow half a page
        self.parts[at : at + 1] = replace(part, per_s=per_s).carve(size)
        return self.parts[at].window

    def close(
        self, window: Window, read_from: int, *, found: int = 0, expected: float = 0, is_dense: bool = False
    ) -> Window | None:
        """`window` was read back to `read_from` and `found` so many; what lies before holds `expected` of them.

        `is_dense`: the second before `read_from` alone is more than was read. Returns the part that was read, if any.
        """
        at = next(index for index, part in enumerate(self.parts) if part.window == window)
        parts = _before(window.start, read_from, expected, is_dense=is_dense, is_unknown=self._is_unknown)
        self._is_unknown = False
        kept = Window(start=read_from, end=window.end) if read_from < window.end else None
        if kept is not None:
            parts.append(Part(window=kept, stage=Stage.READ))
            self._learn(found, kept.seconds)
        self.parts[at : at + 1] = parts
        return kept

    def next_out(self) -> Window | None:
        """The oldest window, once it is read; gone from the plan then."""
        if not self.parts or self.parts[0].stage is not Stage.READ:
            return None
        return self.parts.pop(0).window

    def _learn(self, found: int, seconds: int) -> None:
        """Empty windows say nothing of those that hold something."""
        if found:
            objects, spent_s = self._seen
            self._seen = objects * FADE + found, spent_s * FADE + seconds
            self.usual_per_s = self._seen[0] / self._seen[1]

    def _first_waiting(self) -> int | None:
        return next((at for at, part in enumerate(self.parts) if part.stage is Stage.WAITING), None)


def _before(start: int, end: int, expected: float, *, is_dense: bool, is_unknown: bool) -> list[Part]:
    """What is left of a window; a second that is known to hold much is a part of its own, since it cannot be cut."""
    if start == end:
        return []
    if not is_dense or end - start == 1:
        return [Part.waiting(Window(start=start, end=end), expected, is_unknown=is_unknown)]
    before = Window(start=start, end=end - 1)
    return [Part.waiting(before, expected, is_unknown=is_unknown), Part.waiting(Window(start=end - 1, end=end), TARGET)]
