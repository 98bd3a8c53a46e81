"""The words for what a run leaves unsettled, at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from target_stripe_flow.attempts.attempt import Attempt


def describe_unsettled(open_attempts: Sequence[Attempt], deferred: int) -> Iterator[str]:
    """A warning for each kind of what is not settled; none if everything is. `deferred` is a number of records."""
    if deferred:
        yield (
            f"{deferred} deferred: they wait for records that are not settled yet. No STATE passes them: the next run "
            "reads and sends them"
        )
    states = Counter(row.state.value for row in open_attempts)
    if states:
        words = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        yield f"not settled yet: {words}. `stripe-flow journal list` shows them; the next run tries again"
    if conflicts := sum(row.is_conflict for row in open_attempts):
        yield (
            f"{conflicts} in conflict: another run used their idempotency keys with other parameters. If another "
            "project has the same source_name, set source_name to one of its own; else decide with "
            "`stripe-flow journal settle KEY --as created STRIPE_ID` or `stripe-flow journal settle KEY --as "
            "not-created`; `stripe-flow journal list --state conflict --state parked` prints each KEY"
        )
