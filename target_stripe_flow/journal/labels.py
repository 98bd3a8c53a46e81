"""What the journal knows of account labels: the account that each one is, and the rows under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, TextClause, select, text

from target_stripe_flow.attempts.attempt import Attempt, read_attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, PENDING, State
from target_stripe_flow.journal.schema import account_labels, attempts, needs_rebuild, sources
from target_stripe_flow.journal.store import Journal

KEY, PERSON = "key", "person"
# Rows of each action that are read: one object may have been deleted.
MOST_SAMPLES = 3
# The object of a declined charge exists, too.
_WITH_OBJECT = sorted(HAS_OBJECT | PENDING | {State.DECLINED})
_WITH_EFFECT = sorted(HAS_OBJECT | OPEN)

_INSERT = "INSERT INTO account_labels (label, mode, account, said_by) VALUES (:label, :mode, :account, :said_by)"
_ADD = text(f"{_INSERT} ON CONFLICT DO NOTHING")
_SET = text(f"{_INSERT} ON CONFLICT (label, mode) DO UPDATE SET account = excluded.account, said_by = excluded.said_by")


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The id of a label's account (acct_…), and whether a person said so."""

    account: str
    is_by_person: bool


class Labels:
    """The account labels of one mode in a journal. Every method may raise JournalBroken."""

    def __init__(self, journal: Journal, mode: str) -> None:
        self.journal, self.mode = journal, mode

    def accounts(self) -> set[str]:
        """The ids and labels under which there are rows, or may be rows missing that `journal rebuild` will add."""
        lacking = self._accounts_in(needs_rebuild)
        # Each row is of a source, or rebuilt: no search through all rows of a large journal.
        named = lacking | self._accounts_in(sources) | self._accounts_in(attempts, attempts.c.source_name.is_(None))
        return {account for account in named if account in lacking or self.journal.knows(account, self.mode)}

    def _accounts_in(self, table: Table, *conditions: ColumnElement[bool]) -> set[str]:
        query = select(table.c.account).where(table.c.mode == self.mode, *conditions).distinct()
        return {str(row.account) for row in self.journal.ask(query)}

    def bindings(self) -> Mapping[str, Binding]:
        """The account of each label that has one."""
        rows = self.journal.ask(select(account_labels).where(account_labels.c.mode == self.mode))
        return {row.label: Binding(account=row.account, is_by_person=row.said_by == PERSON) for row in rows}

    def bind(self, label: str, account: str) -> None:
        """Remember the account of a label, as its key read it; a label that has one keeps it."""
        self._put(_ADD, label, account, KEY)

    def say(self, label: str, account: str) -> None:
        """Remember the account of a label, as a person says it."""
        self._put(_SET, label, account, PERSON)

    def _put(self, statement: TextClause, label: str, account: str, said_by: str) -> None:
        values = {"label": label, "mode": self.mode, "account": account, "said_by": said_by}
        self.journal.write(label, (statement, values))

    def samples(self, account: str, action: str) -> Sequence[Attempt]:
        """A few rows of the account, by its id or label, that have an object at Stripe."""
        query = select(attempts).where(
            attempts.c.account == account,
            attempts.c.mode == self.mode,
            attempts.c.action == action,
            attempts.c.state.in_(_WITH_OBJECT),
            attempts.c.stripe_id.is_not(None),
        )
        return [read_attempt(row._mapping) for row in self.journal.ask(query.limit(MOST_SAMPLES))]  # noqa: SLF001  # SQLAlchemy documents it

    def has_effects(self, account: str) -> bool:
        """Whether an attempt of the account, by its id or label, has an object at Stripe or may have one."""
        is_of_account = (attempts.c.account == account, attempts.c.mode == self.mode)
        query = select(attempts.c.digest).where(*is_of_account, attempts.c.state.in_(_WITH_EFFECT)).limit(1)
        return bool(self.journal.ask(query))
