"""Cut the past of one or many accounts into slices for several runs at once. Pure, except for the sampler it calls.

A sample of `[start, end)` is its newest page. It shows how dense the objects lie there. The planner halves the piece
that may hold the most objects, again and again. The sample of the whole piece covers the newer half, so only the older
half needs a new one. Samples so concentrate where the objects are, in any account, and an empty decade costs one.

The time that no page shows lies between two pages: the piece's own and that of the older piece beside it. The plan
expects the mean of both densities there. (With the piece's own density alone, it counted the empty time before an
account's first object, and guessed up to 36 % too much on dates that put a cut there.)

    [ ··························· ▮▮▮▮▮)     the newest page
    [ ·············▮ | ········· ▮▮▮▮▮)     halved: one sample of the older half
    [ ▮ | ·········▮ | ········· ▮▮▮▮▮)

The planner then cuts each account where the estimated objects reach the next equal share. The slices of an account
tile its range, however wrong the estimates are: together they hold each object exactly once.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from tap_stripe_flow.windows.plan import Window

# Requests per slice before it is read. The error of the estimates is then less than one slice more or less makes.
SAMPLES_PER_SLICE = 3
# Accounts differ, and estimates err: with so many slices per worker, the last slices even out the workers' load.
SLICES_PER_WORKER = 8
# The share of all objects that may lie where no page has shown any.
UNSEEN_SHARE = 0.5
# A page may lie inside one second and then says nothing about the time before it: such a plan once expected 3,800
# times the real count. So neither of two densities counts for more than this many times the other.
MAX_DENSITY_RATIO = 3


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The newest page of a window: the `created` of each object, newest first, and whether there are more."""

    created: Sequence[int]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A window of one account, and the page that shows how dense the objects lie at its end, or after it.

    `density_before`: objects per second just before the page's oldest object; None where no page shows that time.
    """

    account: str
    window: Window
    sample: Sample
    density_before: float | None = None

    @property
    def is_fully_sampled(self) -> bool:
        """Whether the page shows every object of the window."""
        return not self.sample.has_more or self.sample.created[-1] < self.window.start

    @property
    def objects_end(self) -> int:
        """The second after the newest object, at most the end of the window; its start where there is no object."""
        return min(self.window.end, self.sample.created[0] + 1) if self.sample.created else self.window.start

    @property
    def seconds(self) -> int:
        """Seconds from the start of the window to `objects_end`."""
        return self.objects_end - self.window.start

    @property
    def sampled_count(self) -> int:
        """How many objects of the window the page shows."""
        return sum(self.window.start <= at < self.window.end for at in self.sample.created)

    @property
    def density_at_end(self) -> float:
        """Objects per second from the oldest object of the page to the end of the window."""
        oldest = max(self.window.start, self.sample.created[-1]) if self.sample.created else self.window.start
        return self.sampled_count / (self.window.end - oldest)

    @property
    def count(self) -> float:
        """How many objects the window holds: exact where it is fully sampled, else an estimate."""
        if self.is_fully_sampled:
            return self.sampled_count
        newest, oldest = self.sample.created[0], self.sample.created[-1]
        density_after = len(self.sample.created) / (newest + 1 - oldest)
        unseen = _expected_density(self.density_before, density_after) * (oldest - self.window.start)
        return self.sampled_count + unseen

    def halves(self) -> tuple[Window, Window]:
        """The older half, which needs a sample, and the newer half; the cut halves the time that has objects."""
        middle = (self.window.start + self.objects_end) // 2
        return Window(start=self.window.start, end=middle), Window(start=middle, end=self.window.end)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The window that one run reads, and the estimated number of its objects."""

    account: str
    window: Window
    count: float


Sampler = Callable[[str, Window], Sample]


def _expected_density(before: float | None, after: float) -> float:
    """Objects per second to expect between two densities; `before` is None where no page shows it."""
    if before is None:
        return after
    mean = (before + after) / 2
    lower = min(before, after)
    return min(mean, MAX_DENSITY_RATIO * lower) if lower else mean


def plan_slices(ranges: Mapping[str, Window], slices: int, sample: Sampler) -> list[Slice]:
    """About `slices` slices of the accounts' ranges, at least one of each account, about equal in objects.

    Takes at most `SAMPLES_PER_SLICE` samples a slice, and at least one of each account.
    """
    pieces = _sample_pieces(ranges, slices * SAMPLES_PER_SLICE, sample)
    total = sum(piece.count for piece in pieces)
    planned: list[Slice] = []
    for account, window in ranges.items():
        of_account = sorted((piece for piece in pieces if piece.account == account), key=lambda piece: piece.window)
        count = sum(piece.count for piece in of_account)
        share = max(1, round(slices * count / total)) if total else 1
        planned += _cut_account(account, window, of_account, share)
    return planned


def _sample_pieces(ranges: Mapping[str, Window], samples: int, sample: Sampler) -> list[Piece]:
    """The ranges, cut where most objects are or may be."""
    pieces = [
        Piece(account=account, window=window, sample=sample(account, window)) for account, window in ranges.items()
    ]
    for _ in range(samples - len(ranges)):
        piece = _piece_to_halve(pieces)
        if piece is None:
            break
        older_half, newer_half = piece.halves()
        older = replace(piece, window=older_half, sample=sample(piece.account, older_half))
        pieces.remove(piece)
        pieces += [older, replace(piece, window=newer_half, density_before=older.density_at_end)]
    return pieces


def _piece_to_halve(pieces: Sequence[Piece]) -> Piece | None:
    """The piece that may hold the most objects: the longer a piece is, the more objects no page may have shown."""
    candidates = [piece for piece in pieces if not piece.is_fully_sampled and piece.seconds > 1]
    total, seconds = sum(piece.count for piece in pieces), sum(piece.seconds for piece in candidates)
    return max(candidates, key=lambda piece: piece.count + UNSEEN_SHARE * total * piece.seconds / seconds, default=None)


def _cut_account(account: str, window: Window, pieces: Sequence[Piece], slices: int) -> Iterator[Slice]:
    """Cut the window into `slices` slices, or fewer where one second holds more than one slice should."""
    sums = list(accumulate((piece.count for piece in pieces), initial=0.0))
    cuts = {window.start, window.end}
    for number in range(1, slices):
        wanted = sums[-1] * number / slices
        at = max(0, bisect_left(sums, wanted) - 1)
        share = (wanted - sums[at]) / pieces[at].count if pieces[at].count else 0
        cuts.add(pieces[at].window.start + math.ceil(pieces[at].seconds * share))
    for start, end in pairwise(sorted(cuts)):
        yield Slice(account=account, window=Window(start=start, end=end), count=_count_between(pieces, start, end))


def _count_between(pieces: Sequence[Piece], start: int, end: int) -> float:
    count = 0.0
    for piece in pieces:
        inside = min(end, piece.objects_end) - max(start, piece.window.start)
        if inside > 0:
            count += piece.count * inside / piece.seconds
    return count
