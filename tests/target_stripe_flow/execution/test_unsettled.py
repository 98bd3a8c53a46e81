"""Who settles what a run leaves open."""

from __future__ import annotations

import pytest

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.unsettled import describe_unsettled
from tests.target_stripe_flow.builders import an_attempt


@pytest.mark.parametrize(
    ("states", "counts", "who"),
    [
        ([State.UNKNOWN], "1 unknown", "the next run tries again"),
        ([State.PARKED, State.PARKED], "2 parked", "a person decides about them"),
        (
            [State.UNKNOWN, State.PARKED],
            "1 parked, 1 unknown",
            "a person decides about parked, and the next run tries the others again",
        ),
    ],
)
def test_the_warning_says_who_settles_each_state(states: list[State], counts: str, who: str) -> None:
    attempts = [an_attempt(str(number), state=state) for number, state in enumerate(states)]

    [warning] = describe_unsettled(attempts, 0)

    assert warning == f"not settled yet: {counts}. `stripe-flow journal list` shows them; {who}"
