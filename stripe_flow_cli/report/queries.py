"""The SQL queries of the report: the database counts, and few rows leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, select

from stripe_flow_cli.report.outcomes import LISTED
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.schema import attempts
from target_stripe_flow.journal.store import Journal

DAY_S = 86_400
# Groups of reasons, the most frequent ones: a record may name any field, so their number has no other bound.
MOST_REASONS = 200
# Columns of `attempts` → the values that select rows.
Filters = Mapping[str, Sequence[str]]
Rows = Sequence[Row[Any]]  # Any: what the columns hold

_when = func.coalesce(attempts.c.settled_unix, attempts.c.last_sent_unix, attempts.c.first_sent_unix)
_day = (_when // DAY_S).label("day")
_later = attempts.alias("later")
# A later attempt, or a later update of the same object, has replaced the row.
_is_replaced = exists().where(
    _later.c.digest == attempts.c.digest,
    (_later.c.attempt > attempts.c.attempt)
    | (
        (attempts.c.revision > 0) & (_later.c.attempt == attempts.c.attempt) & (_later.c.revision > attempts.c.revision)
    ),
)
_LISTED_COLUMNS = (
    *("digest", "attempt", "revision", "account", "mode", "action", "source_name", "source_key", "state"),
    *("stripe_id", "request_id", "http_status", "code", "decline_code", "param", "reason", "amount", "currency"),
)


def count_owners(journal: Journal, filters: Filters) -> Rows:
    """Each account, mode and source_name with its number of attempts (`rows`), the largest first."""
    columns = (attempts.c.account, attempts.c.mode, attempts.c.source_name)
    count = func.count().label("rows")
    return journal.ask(_where(select(*columns, count), filters).group_by(*columns).order_by(count.desc()))


def count_days(journal: Journal, filters: Filters) -> Rows:
    """The number of attempts (`rows`) and the sum of `amount` by action, state, currency and day of Unix time.

    `known` counts the attempts whose amount the journal has.
    """
    columns = (attempts.c.action, attempts.c.state, attempts.c.currency, _day)
    sums = (func.count().label("rows"), func.count(attempts.c.amount).label("known"), _sum(attempts.c.amount))
    return journal.ask(_where(select(*columns, *sums), filters).group_by(*columns))


def count_orders(journal: Journal, filters: Filters) -> Rows:
    """The number of records (`rows`) by the state of their latest attempt to create the object."""
    query = select(attempts.c.state, func.count().label("rows")).where(attempts.c.revision == 0, ~_is_replaced)
    return journal.ask(_where(query, filters).group_by(attempts.c.state))


def count_reasons(journal: Journal, filters: Filters) -> Rows:
    """Stripe's reasons for declines and refusals, the most frequent first, at most `MOST_REASONS`.

    Counts all attempts, also those that a later attempt has replaced.
    """
    columns = (attempts.c.state, attempts.c.action, attempts.c.decline_code, attempts.c.code, attempts.c.param)
    count = func.count().label("rows")
    was_refused = attempts.c.state.in_([State.DECLINED, State.REFUSED])
    query = _where(select(*columns, count), filters).where(was_refused).group_by(*columns)
    return journal.ask(query.order_by(count.desc(), *columns).limit(MOST_REASONS))


def list_not_done(journal: Journal, filters: Filters, most: int) -> Rows:
    """At most `most` attempts that are not done and not replaced: of each state in turn the newest.

    Each row has the number of such attempts of its state (`total`), so `most` must be at least the number of states.
    """
    columns = [attempts.c[name] for name in _LISTED_COLUMNS]
    newest = (_when.desc(), attempts.c.digest, attempts.c.attempt, attempts.c.revision)
    rank = func.row_number().over(partition_by=attempts.c.state, order_by=newest).label("rank")
    total = func.count().over(partition_by=attempts.c.state).label("total")
    query = _where(select(*columns, _when.label("when_unix"), rank, total), filters)
    ranked = query.where(attempts.c.state.in_(LISTED), ~_is_replaced).subquery()
    return journal.ask(select(ranked).where(ranked.c.rank <= most).order_by(ranked.c.rank, ranked.c.state).limit(most))


def read_last_times(journal: Journal, digests: Sequence[str]) -> Mapping[str, int]:
    """The Unix time of the last change of each identity; without those that the journal lacks or has no time for."""
    last = func.max(_when).label("last")
    query = select(attempts.c.digest, last).where(attempts.c.digest.in_(digests)).group_by(attempts.c.digest)
    return {row.digest: row.last for row in journal.ask(query) if row.last is not None}


def _where(query: Select[Any], filters: Filters) -> Select[Any]:  # Any: what the columns hold
    for column, values in filters.items():
        query = query.where(attempts.c[column].in_(values))
    return query


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:  # Any: PostgreSQL returns a Decimal
    return func.coalesce(func.sum(column), 0).label("amount")
