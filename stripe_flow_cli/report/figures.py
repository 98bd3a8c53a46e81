"""The figures of the report, from a journal and a rejects file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stripe_flow_cli.report import currencies, queries
from stripe_flow_cli.report.items import divide_rows, item_of_reject, item_of_row
from stripe_flow_cli.report.model import Group, Item, Reason, Report
from stripe_flow_cli.report.money import build_ledgers
from stripe_flow_cli.report.outcomes import LISTED, NEVER_SENT, STATES, STATUSES
from stripe_flow_cli.report.private import mask_field, mask_text
from stripe_flow_cli.report.rejects import OTHERS, Rejects, SentLater, read_rejects
from stripe_flow_cli.report.times import build_timeline, format_time
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.lifecycle import OPEN, State
from target_stripe_flow.journal.sources import Source, read_sources
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.refusal_codes import WORDS

# Rows that all groups together list; the page counts the rest.
MOST_ROWS = 2000
# Accounts and sources that the page names.
MOST_OWNERS = 20


@dataclass(frozen=True, kw_only=True)
class Query:
    """The rows to report on: `filters` are columns of the journal and their values."""

    filters: queries.Filters
    rejects_path: Path
    now_unix: int
    shows_keys: bool = False
    most_rows: int = MOST_ROWS


def read_report(journal: Journal, query: Query) -> Report:
    """The figures of the journal's rows. Raises JournalBroken, and Misconfigured for an unreadable rejects file."""
    days = queries.count_days(journal, query.filters)
    owners = queries.count_owners(journal, query.filters)
    rejects = read_rejects(query.rejects_path, query.most_rows, SentLater(journal, _sources(journal, query)))
    declines, refusals = _read_reasons(journal, query, days)
    counts, by_day = _count_statuses(days)
    return Report(
        journal=_file_name(journal.name),
        made_at=format_time(query.now_unix),
        owners=tuple(_owner(row) for row in owners[:MOST_OWNERS]),
        attempts=counts.total(),
        counts={status: counts[status] for status in STATUSES if counts[status]},
        orders=_count_orders(journal, query),
        groups=_groups(journal, query, rejects, days, is_shared=len(owners) > 1),
        timeline=build_timeline(by_day),
        ledgers=build_ledgers(days),
        money_unknown=sum(row.rows - row.known for row in days if _moves_money(row)),
        declines=_rank(declines),
        rejections=_rank([*refusals, *(_reason(why, count) for why, count in rejects.reasons.items())]),
        sent_since=rejects.sent_since,
        rejects_file=query.rejects_path.name,
        shows_keys=query.shows_keys,
    )


def _count_statuses(days: queries.Rows) -> tuple[Counter[str], Counter[tuple[int | None, str]]]:
    """Attempts by status, and by day and status."""
    counts: Counter[str] = Counter()
    by_day: Counter[tuple[int | None, str]] = Counter()
    for row in days:
        status = STATES[State(row.state)].status
        counts[status] += row.rows
        by_day[row.day, status] += row.rows
    return counts, by_day


def _count_orders(journal: Journal, query: Query) -> Mapping[str, int]:
    """Records by the status of their latest attempt to create the object: each counts once, however often tried."""
    counts: Counter[str] = Counter()
    for row in queries.count_orders(journal, query.filters):
        counts[STATES[State(row.state)].status] += row.rows
    return {status: counts[status] for status in STATUSES if counts[status]}


def _groups(
    journal: Journal, query: Query, rejects: Rejects, days: queries.Rows, *, is_shared: bool
) -> tuple[Group, ...]:
    items: dict[str, list[Item]] = defaultdict(list)
    totals: dict[str, int] = {NEVER_SENT: rejects.total}
    for row in queries.list_not_done(journal, query.filters, query.most_rows):
        totals[row.state] = row.total
        items[row.state].append(item_of_row(row, shows_key=query.shows_keys, is_shared=is_shared))
    items[NEVER_SENT] = [item_of_reject(reject, shows_key=query.shows_keys) for reject in rejects.newest]
    listed = divide_rows({name: len(of_state) for name, of_state in items.items()}, query.most_rows)
    return tuple(
        Group(words=words, total=totals[name], amounts=_amounts(days, name), items=tuple(items[name][: listed[name]]))
        for name, words in STATES.items()
        if name in {*LISTED, NEVER_SENT} and totals.get(name)
    )


def _amounts(days: queries.Rows, state: str) -> tuple[str, ...]:
    """The sums of an open state; empty for others, as a later attempt may have moved the same money."""
    if state not in OPEN:
        return ()
    sums: Counter[str] = Counter()
    for row in days:
        if row.state == state and row.currency is not None:
            sums[row.currency] += int(row.amount)
    return tuple(currencies.format_amount(amount, currency) for currency, amount in sorted(sums.items()))


def _read_reasons(journal: Journal, query: Query, days: queries.Rows) -> tuple[list[Reason], list[Reason]]:
    """Stripe's reasons for declines, and for refusals."""
    rows = queries.count_reasons(journal, query.filters)
    return _reasons(rows, days, State.DECLINED), _reasons(rows, days, State.REFUSED)


def _reasons(rows: queries.Rows, days: queries.Rows, state: State) -> list[Reason]:
    """Stripe's reasons for one state. One more reason counts those that are too rare to be among the rows."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.state == state:
            counts[row.action, _code(row)] += row.rows
    rest = sum(row.rows for row in days if row.state == state) - counts.total()
    found = [_reason((action, code, WORDS.get(code, "")), count) for (action, code), count in counts.items()]
    return found + [_reason(OTHERS, rest)] * (rest > 0)


def _reason(why: tuple[str, str, str], count: int) -> Reason:
    action, code, words = why
    return Reason(action=action, code=code, words=words, count=count, share=0)


def _rank(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The most frequent first, with their shares."""
    ranked = sorted(reasons, key=lambda reason: (-reason.count, reason.action, reason.code, reason.words))
    return tuple(replace(reason, share=reason.count / ranked[0].count) for reason in ranked)


def _code(row: Any) -> str:  # Any: a row of `queries.count_reasons`
    code = row.decline_code or row.code or "no code"
    return " · ".join(filter(None, (mask_text(code), mask_field(row.param or ""))))


def _moves_money(row: Any) -> bool:  # Any: a row of `queries.count_days`
    spec = ACTIONS.get(row.action)
    return spec is not None and spec.moves_money


def _sources(journal: Journal, query: Query) -> list[Source]:
    """The sources that the report covers."""
    chosen = query.filters.items()
    return [each for each in read_sources(journal) if all(getattr(each, column) in values for column, values in chosen)]


def _owner(row: Any) -> str:  # Any: a row of `queries.count_owners`
    source = "not known" if row.source_name is None else row.source_name
    return f"{row.account} · {row.mode} mode · source {source} · {row.rows:,}"


def _file_name(name: str) -> str:
    """The journal's name without folders, host and user."""
    return name.rsplit("/", 1)[-1].partition("?")[0]


def to_json(report: Report) -> Mapping[str, object]:
    """The object that `--json` prints: figures without the listed rows, which `journal list` prints."""
    return {
        "journal": report.journal,
        "made_at": report.made_at,
        "attempts": report.attempts,
        "counts": report.counts,
        "orders": sum(report.orders.values()),
        "orders_by_status": report.orders,
        "waiting": {group.words.name: group.total for group in report.groups},
        "amounts": [
            {"action": ledger.action, "currency": ledger.currency, "day": day.day}
            | {"created": day.created, "declined": day.declined, "open": day.open}
            for ledger in report.ledgers
            for day in (ledger.total, *ledger.days)
        ],
        "declines": [_reason_to_json(reason) for reason in report.declines],
        "rejections": [_reason_to_json(reason) for reason in report.rejections],
    }


def _reason_to_json(reason: Reason) -> Mapping[str, object]:
    return {"action": reason.action, "code": reason.code, "words": reason.words, "count": reason.count}
