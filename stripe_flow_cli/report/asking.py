"""What the report asks of a journal: all of it is counted in the database, and few rows leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, select

from stripe_flow_cli.report.outcomes import LISTED
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.schema import attempts
from target_stripe_flow.journal.store import Journal

DAY_S = 86_400
# Of the groups of reasons, the most frequent ones: a field's name may be anything.
MOST_REASONS = 200
# Rows of one column of `attempts` are among these values.
Among = Mapping[str, Sequence[str]]
Rows = Sequence[Row[Any]]  # Any: what the columns hold

_when = func.coalesce(attempts.c.settled_unix, attempts.c.last_sent_unix, attempts.c.first_sent_unix)
_day = (_when // DAY_S).label("day")
_later = attempts.alias("later")
# A later attempt, or a later update of the same object, has taken its place.
_is_over = exists().where(
    _later.c.digest == attempts.c.digest,
    (_later.c.attempt > attempts.c.attempt)
    | (
        (attempts.c.revision > 0) & (_later.c.attempt == attempts.c.attempt) & (_later.c.revision > attempts.c.revision)
    ),
)
_SHOWN = (
    *("digest", "attempt", "revision", "account", "mode", "action", "source_name", "source_key", "state"),
    *("stripe_id", "request_id", "http_status", "code", "decline_code", "param", "reason", "amount", "currency"),
)


def owners(journal: Journal, among: Among) -> Rows:
    """Whose attempts there are: account, mode and source_name, `rows` of them."""
    columns = (attempts.c.account, attempts.c.mode, attempts.c.source_name)
    counted = func.count().label("rows")
    return journal.ask(_of(select(*columns, counted), among).group_by(*columns).order_by(counted.desc()))


def days(journal: Journal, among: Among) -> Rows:
    """How many attempts (`rows`), and how much money, by action, state, currency and day of Unix time."""
    columns = (attempts.c.action, attempts.c.state, attempts.c.currency, _day)
    sums = (func.count().label("rows"), func.count(attempts.c.amount).label("known"), _sum(attempts.c.amount))
    return journal.ask(_of(select(*columns, *sums), among).group_by(*columns))


def reasons(journal: Journal, among: Among) -> Rows:
    """Why Stripe said no, the most frequent first: of all attempts, also those that were followed by others."""
    columns = (attempts.c.state, attempts.c.action, attempts.c.decline_code, attempts.c.code, attempts.c.param)
    counted = func.count().label("rows")
    said_no = attempts.c.state.in_([State.DECLINED, State.REFUSED])
    query = _of(select(*columns, counted), among).where(said_no).group_by(*columns)
    return journal.ask(query.order_by(counted.desc(), *columns).limit(MOST_REASONS))


def waiting(journal: Journal, among: Among, most: int) -> Rows:
    """What is not done and not followed by another attempt: of each state in turn the newest, at most so many rows.

    Each row tells how many there are of its state (`total`), so `most` must be at least the number of states.
    """
    columns = [attempts.c[name] for name in _SHOWN]
    newest = (_when.desc(), attempts.c.digest, attempts.c.attempt, attempts.c.revision)
    ranked = _of(
        select(
            *columns,
            _when.label("when_unix"),
            func.row_number().over(partition_by=attempts.c.state, order_by=newest).label("rank"),
            func.count().over(partition_by=attempts.c.state).label("total"),
        ),
        among,
    ).where(attempts.c.state.in_(LISTED), ~_is_over)
    found = ranked.subquery()
    return journal.ask(select(found).where(found.c.rank <= most).order_by(found.c.rank, found.c.state).limit(most))


def last_moments(journal: Journal, digests: Sequence[str]) -> Mapping[str, int]:
    """When something last became of these identities; those that the journal does not have, or not when, are absent."""
    last = func.max(_when).label("last")
    query = select(attempts.c.digest, last).where(attempts.c.digest.in_(digests)).group_by(attempts.c.digest)
    return {row.digest: row.last for row in journal.ask(query) if row.last is not None}


def _of(query: Select[Any], among: Among) -> Select[Any]:  # Any: as above
    for column, values in among.items():
        query = query.where(attempts.c[column].in_(values))
    return query


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:  # Any: PostgreSQL makes a Decimal of it
    return func.coalesce(func.sum(column), 0).label("amount")
