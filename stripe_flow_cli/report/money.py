"""Amounts by currency and day, from the sums of the database. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from stripe_flow_cli.report.model import Ledger, Sums
from stripe_flow_cli.report.times import date_of
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, State

# Of all ledgers together: nobody scrolls further.
MOST_DAYS = 2000
ALL_DAYS = "all days"
# Column of the table → the states that it sums. Attempts that were refused or never sent move no money.
COLUMNS: Mapping[str, frozenset[State]] = {"created": HAS_OBJECT, "declined": frozenset({State.DECLINED}), "open": OPEN}
_Days = dict[int | None, dict[str, int]]  # day → column → minor units


def build_ledgers(rows: Iterable[Any], most_days: int = MOST_DAYS) -> tuple[Ledger, ...]:  # Any: database rows
    """One ledger for each action and currency, sorted by name. All together list at most `most_days` of the newest."""
    sums: dict[tuple[str, str], _Days] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for row in rows:
        column = next((name for name, states in COLUMNS.items() if row.state in states), None)
        if column is not None and row.currency is not None and row.known:
            sums[row.action, row.currency][row.day][column] += int(row.amount)
    share = most_days // max(1, len(sums))
    return tuple(_ledger(*key, sums[key], max(1, share)) for key in sorted(sums))


def _ledger(action: str, currency: str, days: _Days, most: int) -> Ledger:
    newest = sorted(days, key=lambda day: -1 if day is None else day, reverse=True)
    total: dict[str, int] = defaultdict(int)
    for columns in days.values():
        for column, amount in columns.items():
            total[column] += amount
    return Ledger(
        action=action,
        currency=currency,
        total=Sums(day=ALL_DAYS, **total),
        days=tuple(Sums(day=_format_day(day), **days[day]) for day in newest[:most]),
        unshown=max(0, len(newest) - most),
    )


def _format_day(day: int | None) -> str:
    when = date_of(day)
    return "no date" if when is None else str(when)
