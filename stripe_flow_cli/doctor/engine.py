"""A check is an entry of a table: what it asks for, and what it makes of that. One engine runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stripe_flow.api.errors import StripeFlowError
from stripe_flow_cli.doctor.findings import Finding, Mark, stopped_by, unsure

P_contra = TypeVar("P_contra", contravariant=True)
F = TypeVar("F")


@dataclass(frozen=True)
class Check(Generic[P_contra, F]):
    """`gather` asks the connection for facts, and may raise StripeFlowError; `judge` is a pure function of them.

    `after` are the checks that must have found nothing that stops a run: without them there is nothing to ask.
    """

    name: str
    gather: Callable[[P_contra], F]
    judge: Callable[[F], Iterable[Finding]]
    after: frozenset[str] = frozenset()


Checks = Sequence[Check[P_contra, Any]]  # Any: each check has facts of its own


def examine(plugin_under_test: P_contra, checks: Checks[P_contra]) -> Iterator[tuple[str, Finding]]:
    """What each check finds, by its name. What could not be looked at is said at the end, in one line."""
    stopped: set[str] = set()
    untried: list[str] = []
    for check in checks:
        if stopped & check.after:
            stopped.add(check.name)
            untried.append(check.name)
            continue
        for finding in _found(plugin_under_test, check):
            if finding.mark is Mark.STOPS:
                stopped.add(check.name)
            yield check.name, finding
    if untried:
        yield "not yet", unsure(f"{', '.join(untried)}: mend what stops a run, then look again")


def _found(plugin_under_test: P_contra, check: Check[P_contra, F]) -> Iterable[Finding]:
    try:
        facts = check.gather(plugin_under_test)
    except StripeFlowError as error:
        return [stopped_by(error)]
    return check.judge(facts)
