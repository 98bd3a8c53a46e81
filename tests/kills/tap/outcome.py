"""The outcome of an ordeal: the verdict on the tap, and whether the ordeal was large enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tap_stripe_flow.windows.id_pool import MOST_IDS
from tests.kills.tap.history import Partition
from tests.kills.tap.judge import MOST_IN_WINDOW, Verdict

OVERLAP_S = 600
LEAST_WINDOWS = 40
# More ids than all bookmarks together may hold, and in each more than a kill may repeat.
LEAST_IN_OVERLAP, LEAST_IN_EACH = MOST_IDS + 1, 2 * MOST_IN_WINDOW
# Where several partitions are read side by side, one kill cuts off the windows of several.
LEAST_CUT_OFF = 2
LEAST_TIES = 15


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Figures over all runs of the tap.

    `streams_at_once` is the largest value of the setting; `created` are the times of all objects, oldest first.
    """

    seed: int
    streams_at_once: int
    verdict: Verdict
    kills: int
    kills_when_full: int
    runs: int
    written_bytes: int
    late_objects: int
    created: Mapping[Partition, Sequence[int]]
    took_s: float

    def shortfalls(self, kills: int) -> list[str]:
        """A phrase for each figure that is too small."""
        least = {
            "kills": (self.kills, kills),
            "kills after the overlap was full": (self.kills_when_full, kills // 3),
            "windows": (self.verdict.windows, LEAST_WINDOWS),
            "settled windows": (self.verdict.settled_windows, 1),
            "summaries": (self.verdict.summaries, 1),
            "repeated records": (self.verdict.repeats, 1),
            "late objects": (self.late_objects, 1),
            "objects in an overlap": (sum(self.in_overlap), LEAST_IN_OVERLAP),
            "objects of one partition in an overlap": (min(self.in_overlap), LEAST_IN_EACH),
            "partitions whose window one kill cut off": (
                self.verdict.most_cut_off_at_once,
                min(LEAST_CUT_OFF, self.streams_at_once),
            ),
            "objects of one second": (self.ties, LEAST_TIES),
        }
        return [f"only {count} {what}, not {wanted}" for what, (count, wanted) in least.items() if count < wanted]

    @property
    def in_overlap(self) -> Sequence[int]:
        """The most objects in an overlap, for each partition."""
        return [_densest(stamps) for stamps in self.created.values()]

    @property
    def ties(self) -> int:
        """The most objects in one second, for the partition with the fewest."""
        return min(max(Counter(stamps).values(), default=0) for stamps in self.created.values())

    def __str__(self) -> str:
        verdict = self.verdict
        return (
            f"seed={self.seed} kills={self.kills} kills_when_full={self.kills_when_full} runs={self.runs} "
            f"windows={verdict.windows} settled_windows={verdict.settled_windows} "
            f"summaries={verdict.summaries} partitions={len(self.created)} "
            f"objects={sum(map(len, self.created.values()))} records={verdict.records} repeats={verdict.repeats} "
            f"most_repeats_at_once={verdict.most_repeats_at_once} bytes={self.written_bytes} "
            f"most_cut_off_at_once={verdict.most_cut_off_at_once} longest_state_bytes={verdict.longest_state_bytes} "
            f"in_overlap={min(self.in_overlap)} ties={self.ties} "
            f"late_objects={self.late_objects} seconds={self.took_s:.0f}"
        )


def _densest(stamps: Sequence[int]) -> int:
    """The most of these times, oldest first, in any OVERLAP_S seconds."""
    most = first = 0
    for last, stamp in enumerate(stamps):
        while stamps[first] <= stamp - OVERLAP_S:
            first += 1
        most = max(most, last - first + 1)
    return most
