"""What an ordeal came to: whether it was large enough to prove anything, and the verdict on the tap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.kills.tap.history import Partition
from tests.kills.tap.judge import Verdict

OVERLAP_S = 600
LEAST_WINDOWS = 40
# So many ids no bookmark may remember.
LEAST_IN_OVERLAP = 10_001
LEAST_TIES = 15


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Figures, over all runs of the tap. `created` are the stamps of all that the accounts hold, oldest first."""

    seed: int
    verdict: Verdict
    kills: int
    kills_when_full: int
    runs: int
    written_bytes: int
    late_objects: int
    created: Mapping[Partition, Sequence[int]]
    took_s: float

    def shortfalls(self, kills: int) -> list[str]:
        """In what it stayed under the size that it must have."""
        least = {
            "kills": (self.kills, kills),
            "kills after the overlap was full": (self.kills_when_full, kills // 3),
            "windows": (self.verdict.windows, LEAST_WINDOWS),
            "settled windows": (self.verdict.settled_windows, 1),
            "repeated records": (self.verdict.repeats, 1),
            "late objects": (self.late_objects, 1),
            "objects in an overlap": (self.in_overlap, LEAST_IN_OVERLAP),
            "objects of one second": (self.ties, LEAST_TIES),
        }
        return [f"only {found} {what}, not {wanted}" for what, (found, wanted) in least.items() if found < wanted]

    @property
    def in_overlap(self) -> int:
        """The most objects that an overlap held, of the partition that has the fewest."""
        return min(map(_densest, self.created.values()))

    @property
    def ties(self) -> int:
        """The most objects of one second, of the partition that has the fewest."""
        return min(max(Counter(stamps).values(), default=0) for stamps in self.created.values())

    def __str__(self) -> str:
        verdict = self.verdict
        return (
            f"seed={self.seed} kills={self.kills} kills_when_full={self.kills_when_full} runs={self.runs} "
            f"windows={verdict.windows} settled_windows={verdict.settled_windows} partitions={len(self.created)} "
            f"objects={sum(map(len, self.created.values()))} records={verdict.records} repeats={verdict.repeats} "
            f"most_repeats_at_once={verdict.most_repeats_at_once} bytes={self.written_bytes} "
            f"longest_state_bytes={verdict.longest_state_bytes} in_overlap={self.in_overlap} ties={self.ties} "
            f"late_objects={self.late_objects} seconds={self.took_s:.0f}"
        )


def _densest(stamps: Sequence[int]) -> int:
    """The most of these, oldest first, that any OVERLAP_S seconds hold."""
    most = first = 0
    for last, stamp in enumerate(stamps):
        while stamps[first] <= stamp - OVERLAP_S:
            first += 1
        most = max(most, last - first + 1)
    return most
