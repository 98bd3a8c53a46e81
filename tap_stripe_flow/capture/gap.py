"""Reads again the objects of the range that the state calls a gap, window by window."""

from __future__ import annotations

from collections.abc import Iterator

from tap_stripe_flow.capture.new_objects import Task
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import Window


def read_gap(task: Task) -> Iterator[Batch]:
    """The objects of the gap in the task's state, oldest first; a run that is killed goes on where it stopped.

    Nothing if there is no gap. Raises StripeError.
    """
    gap = task.keeper.stream_state.gap
    if gap is None:
        return
    for drained in task.windows(task.listing, gap.start, gap.end):
        for page in drained.rest or ():
            yield Batch(records=page.records(), window=drained.window, until=gap.end)
        left = Window(start=drained.window.end, end=gap.end) if drained.window.end < gap.end else None
        yield Batch(
            records=drained.records[::-1], state=task.keeper.update(gap=left), window=drained.window, until=gap.end
        )
