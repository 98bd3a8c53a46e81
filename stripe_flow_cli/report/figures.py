"""From a journal and a rejects file to the figures of a report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stripe_flow_cli.report import asking, currencies
from stripe_flow_cli.report.declines import WORDS
from stripe_flow_cli.report.items import of_reject, of_row, shares
from stripe_flow_cli.report.model import Group, Item, Reason, Report
from stripe_flow_cli.report.money import ledgers
from stripe_flow_cli.report.outcomes import LISTED, NEVER_SENT, STATES, STATUSES
from stripe_flow_cli.report.private import shown_field, shown_text
from stripe_flow_cli.report.rejected import OTHERS, Rejected, Since, read_rejects
from stripe_flow_cli.report.times import moment, timeline
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.attempts.lifecycle import OPEN, State
from target_stripe_flow.journal.store import Journal

# Rows that are listed, of all groups together; the rest is counted.
MOST_ROWS = 2000
# Accounts and sources that are named.
MOST_OWNERS = 20


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Of which rows, and how: `among` are columns of the journal and their values."""

    among: asking.Among
    rejects_path: Path
    now_unix: int
    shows_keys: bool = False
    most_rows: int = MOST_ROWS


def read(journal: Journal, asked: Asked) -> Report:
    """Raises JournalBroken, and Misconfigured for a rejects file that cannot be read."""
    days = asking.days(journal, asked.among)
    owners = asking.owners(journal, asked.among)
    rejected = read_rejects(asked.rejects_path, asked.most_rows, Since(journal, _scopes(owners)))
    reasons = asking.reasons(journal, asked.among)
    counts: Counter[str] = Counter()
    by_day: Counter[tuple[int | None, str]] = Counter()
    by_state: Counter[str] = Counter()
    for row in days:
        by_state[row.state] += row.rows
        status = STATES[State(row.state)].status
        counts[status] += row.rows
        by_day[row.day, status] += row.rows
    return Report(
        journal=_file_name(journal.name),
        made_at=moment(asked.now_unix),
        owners=tuple(_owner(row) for row in owners[:MOST_OWNERS]),
        attempts=counts.total(),
        counts={status: counts[status] for status in STATUSES if counts[status]},
        groups=_groups(journal, asked, rejected, days, is_shared=len(owners) > 1),
        timeline=timeline(by_day),
        ledgers=ledgers(days),
        money_unknown=sum(row.rows - row.known for row in days if _moves_money(row)),
        declines=_ranked(_reasons(reasons, by_state, State.DECLINED)),
        rejections=_ranked([*_reasons(reasons, by_state, State.REFUSED), *_ours(rejected)]),
        sent_since=rejected.sent_since,
        rejects_file=asked.rejects_path.name,
        shows_keys=asked.shows_keys,
    )


def _groups(
    journal: Journal, asked: Asked, rejected: Rejected, days: asking.Rows, *, is_shared: bool
) -> tuple[Group, ...]:
    items: dict[str, list[Item]] = defaultdict(list)
    totals: dict[str, int] = {NEVER_SENT: rejected.total}
    for row in asking.waiting(journal, asked.among, asked.most_rows):
        totals[row.state] = row.total
        items[row.state].append(of_row(row, shows_key=asked.shows_keys, is_shared=is_shared))
    items[NEVER_SENT] = [of_reject(each, shows_key=asked.shows_keys) for each in rejected.newest]
    shown = shares({name: len(found) for name, found in items.items()}, asked.most_rows)
    return tuple(
        Group(
            words=words,
            total=totals[name],
            amounts=_amounts(days, name),
            items=tuple(items[name][: shown[name]]),
        )
        for name, words in STATES.items()
        if name in {*LISTED, NEVER_SENT} and totals.get(name)
    )


def _amounts(days: asking.Rows, state: str) -> tuple[str, ...]:
    """Only of what is open: elsewhere a later attempt may have moved the same money."""
    if state not in OPEN:
        return ()
    sums: Counter[str] = Counter()
    for row in days:
        if row.state == state and row.currency is not None:
            sums[row.currency] += int(row.amount)
    return tuple(currencies.shown(amount, currency) for currency, amount in sorted(sums.items()))


def _reasons(rows: asking.Rows, totals: Mapping[str, int], state: State) -> list[Reason]:
    """Of Stripe. What is too rare to be among the rows is one reason more."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.state == state:
            counts[row.action, _code(row)] += row.rows
    rest = totals.get(state, 0) - counts.total()
    found = [
        Reason(action=action, code=code, words=WORDS.get(code, ""), count=count, share=0)
        for (action, code), count in counts.items()
    ]
    return found + [_reason(OTHERS, rest)] * (rest > 0)


def _ours(rejected: Rejected) -> list[Reason]:
    return [_reason(why, count) for why, count in rejected.reasons.items()]


def _reason(why: tuple[str, str, str], count: int) -> Reason:
    stream, field, words = why
    return Reason(action=stream, code=field, words=words, count=count, share=0)


def _ranked(found: Iterable[Reason]) -> tuple[Reason, ...]:
    """The most frequent first."""
    ranked = sorted(found, key=lambda each: (-each.count, each.action, each.code, each.words))
    return tuple(replace(each, share=each.count / ranked[0].count) for each in ranked)


def _code(row: Any) -> str:  # Any: a row of `asking.reasons`
    code = row.decline_code or row.code or "no code"
    return " · ".join(filter(None, (shown_text(code), shown_field(row.param or ""))))


def _moves_money(row: Any) -> bool:  # Any: a row of `asking.days`
    spec = ACTIONS.get(row.action)
    return spec is not None and spec.moves_money


def _scopes(owners: asking.Rows) -> list[Scope]:
    named = [row for row in owners if row.source_name is not None]
    return [Scope(account=row.account, mode=row.mode, source_name=row.source_name) for row in named[:MOST_OWNERS]]


def _owner(row: Any) -> str:  # Any: a row of `asking.owners`
    source = "not known" if row.source_name is None else row.source_name
    return f"{row.account} · {row.mode} mode · source {source} · {row.rows:,}"


def _file_name(name: str) -> str:
    """Without its folders, host and user."""
    return name.rsplit("/", 1)[-1].partition("?")[0]


def as_object(report: Report) -> Mapping[str, object]:
    """What `--json` prints: figures, and none of the rows, which `journal list` has."""
    return {
        "journal": report.journal,
        "made_at": report.made_at,
        "attempts": report.attempts,
        "counts": report.counts,
        "waiting": {group.words.name: group.total for group in report.groups},
        "amounts": [
            {"action": each.action, "currency": each.currency, "day": day.day}
            | {"created": day.created, "declined": day.declined, "open": day.open}
            for each in report.ledgers
            for day in (each.total, *each.days)
        ],
        "declines": [_as_reason(each) for each in report.declines],
        "rejections": [_as_reason(each) for each in report.rejections],
    }


def _as_reason(reason: Reason) -> Mapping[str, object]:
    return {"action": reason.action, "code": reason.code, "words": reason.words, "count": reason.count}
