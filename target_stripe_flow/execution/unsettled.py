"""The exit code of a run that reached the end of its input, and the words for what it leaves unsettled."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.attempts.lifecycle import FOR_A_PERSON, State
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Status
from target_stripe_flow.results.tally import Tally

logger = logging.getLogger(__name__)

NOTHING_BUT_REJECTS = 2
UNSETTLED = 3


def exit_code(journal: Journal, scope: Scope, tally: Tally) -> int:
    """The exit code, of a dry run too; logs the reason if it is not 0.

    2 if every record was rejected; 3 if any attempt of this account is open, from this run or an earlier one, or a
    record is deferred.
    """
    is_unsettled = warn_of_unsettled(journal, scope, tally)
    if tally.is_nothing_but_rejects:
        logger.warning("no record was accepted: each was rejected, so the exit code is %d", NOTHING_BUT_REJECTS)
        return NOTHING_BUT_REJECTS
    return UNSETTLED if is_unsettled else 0


def warn_of_unsettled(journal: Journal, scope: Scope, tally: Tally) -> bool:
    """Log what is not settled. Returns whether there is anything."""
    rows = journal.open_attempts(scope.account, scope.mode)
    warnings = list(describe_unsettled(rows, tally.statuses().get(Status.DEFERRED.value, 0)))
    for warning in warnings:
        logger.warning("%s", warning)
    return bool(warnings)


def describe_unsettled(open_attempts: Sequence[Attempt], deferred: int) -> Iterator[str]:
    """A warning for each kind of what is not settled; none if everything is. `deferred` is a number of records."""
    if deferred:
        yield (
            f"{deferred} deferred: they wait for records that are not settled yet. No STATE passes them: the next run "
            "reads and sends them"
        )
    states = Counter(row.state for row in open_attempts)
    if states:
        words = ", ".join(f"{count} {state.value}" for state, count in sorted(states.items()))
        yield f"not settled yet: {words}. `stripe-flow journal list` shows them; {_who_settles(states)}"
    if conflicts := sum(row.is_conflict for row in open_attempts):
        yield (
            f"{conflicts} in conflict: another run used their idempotency keys with other parameters. If another "
            "project has the same source_name, set source_name to one of its own; else decide with "
            "`stripe-flow journal settle KEY --as created STRIPE_ID` or `stripe-flow journal settle KEY --as "
            "not-created`; `stripe-flow journal list --state conflict --state parked` prints each KEY"
        )


def _who_settles(states: Collection[State]) -> str:
    """Who settles attempts in these states: the next run, a person, or each of them some."""
    for_a_person = [state.value for state in sorted(states) if state in FOR_A_PERSON]
    if not for_a_person:
        return "the next run tries again"
    if len(for_a_person) == len(states):
        return "a person decides about them"
    return f"a person decides about {' and '.join(for_a_person)}, and the next run tries the others again"
