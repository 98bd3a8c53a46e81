"""A check is a table entry: a function that gathers facts, and one that judges them. This engine runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stripe_flow.api.errors import StripeFlowError
from stripe_flow_cli.doctor.findings import Finding, Mark, stops, warns

P_contra = TypeVar("P_contra", contravariant=True)
F = TypeVar("F")


@dataclass(frozen=True)
class Check(Generic[P_contra, F]):
    """`gather` reads facts from the connection and may raise StripeFlowError; `judge` is a pure function of them.

    `after` names the checks that this one needs: if one of them stops a run, this one is skipped.
    """

    name: str
    gather: Callable[[P_contra], F]
    judge: Callable[[F], Iterable[Finding]]
    after: frozenset[str] = frozenset()


Checks = Sequence[Check[P_contra, Any]]  # Any: each check has its own type of facts


def examine(plugin_under_test: P_contra, checks: Checks[P_contra]) -> Iterator[tuple[str, Finding]]:
    """The name and finding of each check in order; one last line names the checks that were skipped."""
    stopped: set[str] = set()
    skipped: list[str] = []
    for check in checks:
        if stopped & check.after:
            stopped.add(check.name)
            skipped.append(check.name)
            continue
        for finding in _run_check(plugin_under_test, check):
            if finding.mark is Mark.STOPS:
                stopped.add(check.name)
            yield check.name, finding
    if skipped:
        yield "not yet", warns(f"{', '.join(skipped)} not checked: fix what stops a run, then run the doctor again")


def _run_check(plugin_under_test: P_contra, check: Check[P_contra, F]) -> Iterable[Finding]:
    try:
        facts = check.gather(plugin_under_test)
    except StripeFlowError as error:
        return [stops(str(error), error.exit_code)]
    return check.judge(facts)
