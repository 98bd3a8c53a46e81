"""How a range of `created` is cut into windows: pure, in whole Unix seconds, half-open, oldest first.

Stripe lists newest first and cannot be asked for the oldest, so a window is drained before it is emitted, and must
therefore be small: about `TARGET` objects. Nobody knows the density beforehand; it is felt out.

    first look      [start, end of range)   one request tells "few": an idle tick ends here
    too many        the window shrinks to what the newest page says of the density, or to half
    few or none     the next window grows, at most to the double, so empty years cost a dozen requests
"""

from __future__ import annotations

from dataclasses import dataclass

# Before Stripe's first charge; the oldest `created` that any account can hold.
OLDEST = 1_262_304_000  # 2010-01-01
# Five pages: large enough that the last, half-empty page of a window hardly counts, small enough to buffer.
TARGET = 500
# A window that holds more than this is not read to its end but made smaller.
TOO_MANY = 3 * TARGET


@dataclass(frozen=True, kw_only=True)
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


def next_window(start: int, end: int, width_s: int) -> Window:
    """The window that begins at `start`, `width_s` long or up to the end of the range."""
    return Window(start=start, end=min(end, start + max(1, width_s)))


def estimate(window: Window, page_objects: int, page_oldest: int) -> float:
    """How many objects `window` holds if all of it is as dense as its newest page, reaching back to `page_oldest`."""
    return page_objects * window.seconds / max(1, window.end - page_oldest)


def shrink(window: Window, expected: float) -> Window:
    """A smaller window with the same start, for one that is expected to hold too much; at least a second long."""
    share = min(0.5, TARGET / max(1.0, expected))
    return next_window(window.start, window.end, int(window.seconds * share))


def next_width(window: Window, found: int) -> int:
    """How long the next window should be after this one held `found` objects; never more than twice as long."""
    return max(1, int(window.seconds * min(2.0, TARGET / max(1, found))))
