"""How the past of one or many accounts is cut into slices for several runs at once: pure, but for the looks it takes.

A look at `[start, end)` shows the newest page of it, so how dense the objects lie there. The piece that may hold most
is halved, again and again: its newer half is in view already, its older half takes one more look. So the looks go to
where the objects are, in whichever account, and an empty decade costs one.

The time that no page shows lies between two pages: the piece's own and that of the older piece beside it. The plan
expects the mean of both densities there. (With the piece's own density alone, it counted the empty time before an
account's first object, and guessed up to 36 % too much on dates that put a cut there.)

    [ ··························· ▮▮▮▮▮)     the newest page
    [ ·············▮ | ········· ▮▮▮▮▮)     halved: one look at the older half
    [ ▮ | ·········▮ | ········· ▮▮▮▮▮)

Then the accounts are cut where the sum of what the pieces seem to hold reaches the next equal share. The slices of an
account tile its range, whatever was guessed: together they hold each object exactly once.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from tap_stripe_flow.windows.plan import Window

# What a slice may cost before it is read. A guess is then off by less than what one slice more or less amounts to.
LOOKS_PER_SLICE = 3
# Accounts differ, and so do guesses: with so many slices each, the last ones even out what the workers have to do.
SLICES_PER_WORKER = 8
# So much of all objects may be where no page has shown any.
HIDDEN = 0.5
# A page may lie inside one second, which says nothing about the time before it: such a plan once expected 3,800 times
# what there was. So neither end counts for more than this many times the other.
BURST = 3


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The newest page of a window: the `created` of each object, newest first, and whether there are more."""

    created: Sequence[int]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Seconds of one account, and the page that shows how dense the objects lie at their end, or after it.

    `before`: objects per second just before it; None where no page shows that time.
    """

    account: str
    window: Window
    sight: Sight
    before: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether all that it holds is in view."""
        return not self.sight.has_more or self.sight.created[-1] < self.window.start

    @property
    def until(self) -> int:
        """Where its objects come to an end, its newest second included."""
        return min(self.window.end, self.sight.created[0] + 1) if self.sight.created else self.window.start

    @property
    def seconds(self) -> int:
        """Those in which it has objects."""
        return self.until - self.window.start

    @property
    def in_view(self) -> int:
        """How many of its objects the page shows."""
        return sum(self.window.start <= at < self.window.end for at in self.sight.created)

    @property
    def at_end(self) -> float:
        """Objects per second in its last seconds, those after its newest object included."""
        oldest = max(self.window.start, self.sight.created[-1]) if self.sight.created else self.window.start
        return self.in_view / (self.window.end - oldest)

    @property
    def count(self) -> float:
        """How many objects it holds, or seems to."""
        if self.is_known:
            return self.in_view
        newest, oldest = self.sight.created[0], self.sight.created[-1]
        after = len(self.sight.created) / (newest + 1 - oldest)
        return self.in_view + _between(self.before, after) * (oldest - self.window.start)

    def halves(self) -> tuple[Window, Window]:
        """Of where its objects are: what takes a look, and what is in view."""
        middle = (self.window.start + self.until) // 2
        return Window(start=self.window.start, end=middle), Window(start=middle, end=self.window.end)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """What one run reads, and how many objects that seems to be."""

    account: str
    window: Window
    count: float


Scan = Callable[[str, Window], Sight]


def _between(before: float | None, after: float) -> float:
    """The objects per second to expect between two densities; `before` is None where nothing shows it."""
    if before is None:
        return after
    mean = (before + after) / 2
    lower = min(before, after)
    return min(mean, BURST * lower) if lower else mean


def planned(ranges: Mapping[str, Window], slices: int, look: Scan) -> list[Slice]:
    """About so many slices of these accounts' ranges, at least one of each; about as much work each.

    Takes `LOOKS_PER_SLICE` looks a slice at most, and one of each account at least.
    """
    pieces = _pieces(ranges, slices * LOOKS_PER_SLICE, look)
    total = sum(piece.count for piece in pieces)
    found = []
    for account, window in ranges.items():
        of_account = sorted((each for each in pieces if each.account == account), key=lambda each: each.window)
        held = sum(piece.count for piece in of_account)
        parts = max(1, round(slices * held / total)) if total else 1
        found += list(_cut(account, window, of_account, parts))
    return found


def _pieces(ranges: Mapping[str, Window], looks: int, look: Scan) -> list[Piece]:
    """The ranges, cut where most is, or may be."""
    pieces = [Piece(account=account, window=window, sight=look(account, window)) for account, window in ranges.items()]
    for _ in range(looks - len(ranges)):
        piece = _most_promising(pieces)
        if piece is None:
            break
        older_half, newer_half = piece.halves()
        older = replace(piece, window=older_half, sight=look(piece.account, older_half))
        pieces.remove(piece)
        pieces += [older, replace(piece, window=newer_half, before=older.at_end)]
    return pieces


def _most_promising(pieces: Sequence[Piece]) -> Piece | None:
    """What a page shows of the seconds before it is a guess: the longer the piece, the more may be hidden there."""
    open_ones = [piece for piece in pieces if not piece.is_known and piece.seconds > 1]
    total, seconds = sum(piece.count for piece in pieces), sum(piece.seconds for piece in open_ones)
    return max(open_ones, key=lambda piece: piece.count + HIDDEN * total * piece.seconds / seconds, default=None)


def _cut(account: str, window: Window, pieces: Sequence[Piece], parts: int) -> Iterator[Slice]:
    """Into so many parts, or fewer where a second holds more than one part should."""
    sums = list(accumulate((piece.count for piece in pieces), initial=0.0))
    cuts = {window.start, window.end}
    for number in range(1, parts):
        wanted = sums[-1] * number / parts
        at = max(0, bisect_left(sums, wanted) - 1)
        share = (wanted - sums[at]) / pieces[at].count if pieces[at].count else 0
        cuts.add(pieces[at].window.start + math.ceil(pieces[at].seconds * share))
    for start, end in pairwise(sorted(cuts)):
        yield Slice(account=account, window=Window(start=start, end=end), count=_held(pieces, start, end))


def _held(pieces: Sequence[Piece], start: int, end: int) -> float:
    found = 0.0
    for piece in pieces:
        inside = min(end, piece.until) - max(start, piece.window.start)
        if inside > 0:
            found += piece.count * inside / piece.seconds
    return found
