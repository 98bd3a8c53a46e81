"""The target as a process that kills itself before or after a write: `python -m tests.kills.target.launcher …`.

`MORTAL_POINT` names the point, `MORTAL_NTH` how many times it is passed before. The product has no such switch: the
real functions are wrapped here, and the process ends by a real SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from target_stripe_flow import run
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.tally import Tally
from target_stripe_flow.target import TargetStripeFlow

Wrapped = Callable[..., Any]  # Any: the result of the wrapped function


class Fuse:
    """Counts the passages of its point and then kills the process."""

    def __init__(self, point: str, nth: int) -> None:
        self._point, self._left = point, nth

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(fuse: Fuse) -> None:
    """Wrap the functions that write to a disk or to standard output."""
    opened, changed, ended, printed = Journal.open_attempt, Journal.change, Tally.end, run.print_state

    def open_attempt(self: Journal, attempt: Attempt) -> None:
        fuse.at("before the intent")
        opened(self, attempt)
        fuse.at("after the intent")

    def change(self: Journal, attempt: Attempt, *, was: Attempt) -> None:
        is_outcome = attempt.state is not State.INTENT
        if is_outcome:
            fuse.at("answer received but not written")
        changed(self, attempt, was=was)
        if is_outcome:
            fuse.at("outcome written but not reported")

    def end(self: Tally, *arguments: Any) -> None:  # Any: passed on
        ended(self, *arguments)
        fuse.at("reported but STATE not printed")

    def print_state(value: dict[str, object]) -> None:
        fuse.at("before STATE")
        printed(value)

    for owner, name, wrapped in (
        (Journal, "open_attempt", open_attempt),
        (Journal, "change", change),
        (Tally, "end", end),
        (run, "print_state", print_state),
    ):
        setattr(owner, name, wrapped)


if __name__ == "__main__":
    arm(Fuse(os.environ.get("MORTAL_POINT", ""), int(os.environ.get("MORTAL_NTH", "0"))))
    sys.argv[0] = "target-stripe-flow"
    TargetStripeFlow.cli()
