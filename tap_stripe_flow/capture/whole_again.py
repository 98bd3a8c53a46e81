"""`capture: changes` for streams whose changes no event shows: their list is read whole again after some time.

Stripe sends the events of connected accounts to these accounts, so the platform has no list of what changed. The state
holds `reread_at`, Stripe's time when the list was last read whole from its beginning. What is still to be read again is
a gap in the state, so a run that is killed goes on where it stopped. Deletions are not seen: the list lacks the object,
and the state does not hold the ids of all objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tap_stripe_flow.capture.gap import read_gap
from tap_stripe_flow.capture.new_objects import NewObjectCapture, Task
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import OLDEST, Window

HOUR_S = 60 * 60


class WholeAgainCapture:
    """Reads the new objects of a task, and all that were listed before once `after_h` hours have passed since then."""

    def __init__(self, task: Task, after_h: int) -> None:
        self._task = task
        self._after_s = after_h * HOUR_S
        self._new_objects = NewObjectCapture(task)
        self._listed_before = task.keeper.stream_state.listed

    def batches(self) -> Iterator[Batch]:
        """New objects first, then the objects that are read again.

        A state without `reread_at` counts from the run that sees it first. Raises what NewObjectCapture raises.
        """
        for batch in self._new_objects.batches():
            yield self._with_time(batch)
        begun = self._begin()
        if begun is not None:
            yield begun
        yield from read_gap(self._task)

    def _with_time(self, batch: Batch) -> Batch:
        """The batch, with the time of this run in a state that has none."""
        keeper, now = self._task.keeper, self._new_objects.now
        if batch.state is None or now is None or keeper.stream_state.reread_at is not None:
            return batch
        return replace(batch, state=keeper.update(reread_at=now))

    def _begin(self) -> Batch | None:
        """Plan to read again all that earlier runs have listed, if it is due and nothing of it is left to read."""
        keeper, listed = self._task.keeper, self._listed_before
        if listed is None or keeper.stream_state.gap is not None:
            return None
        now, reread_at = self._now(), keeper.stream_state.reread_at
        start = self._new_objects.span.start or OLDEST
        if reread_at is None:
            return Batch(state=keeper.update(reread_at=now))
        if now - reread_at < self._after_s or start >= listed.end:
            return None
        return Batch(state=keeper.update(reread_at=now, gap=Window(start=start, end=listed.end)))

    def _now(self) -> int:
        """Stripe's time; a range that has ended needed no request that shows it."""
        now = self._new_objects.now
        return self._task.listing.ask_for_one() if now is None else now
