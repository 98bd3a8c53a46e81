"""Amounts by currency and day, from counts that the database has made (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from stripe_flow_cli.report.model import Ledger, Sums
from stripe_flow_cli.report.times import date_of
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, State

# Of all ledgers together: a page that nobody can scroll helps nobody.
MOST_DAYS = 2000
ALL_DAYS = "all days"
# What became of it → the states that count as such. What was refused or never sent moves nothing.
FATES: Mapping[str, frozenset[State]] = {
    "created": HAS_OBJECT,
    "declined": frozenset({State.DECLINED}),
    "open": OPEN,
}
_Of = dict[int | None, dict[str, int]]  # day → fate → minor units


def ledgers(rows: Iterable[Any], most_days: int = MOST_DAYS) -> tuple[Ledger, ...]:  # Any: rows of `asking.days`
    """One for each action and currency, in the order of their names. Their newest days share `most_days`."""
    kept: dict[tuple[str, str], _Of] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for row in rows:
        fate = next((name for name, states in FATES.items() if row.state in states), None)
        if fate is not None and row.currency is not None and row.known:
            kept[row.action, row.currency][row.day][fate] += int(row.amount)
    share = most_days // max(1, len(kept))
    return tuple(_ledger(*whose, kept[whose], max(1, share)) for whose in sorted(kept))


def _ledger(action: str, currency: str, days: _Of, most: int) -> Ledger:
    newest = sorted(days, key=lambda day: -1 if day is None else day, reverse=True)
    total: dict[str, int] = defaultdict(int)
    for fates in days.values():
        for fate, amount in fates.items():
            total[fate] += amount
    return Ledger(
        action=action,
        currency=currency,
        total=Sums(day=ALL_DAYS, **total),
        days=tuple(Sums(day=_day(day), **days[day]) for day in newest[:most]),
        unshown=max(0, len(newest) - most),
    )


def _day(day: int | None) -> str:
    when = date_of(day)
    return "no date" if when is None else str(when)
