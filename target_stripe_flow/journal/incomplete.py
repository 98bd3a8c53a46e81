"""What a journal may lack: actions whose objects at Stripe may have markers that the journal has no row of.

`journal init` and `journal rebuild` write it, and a run sends no record of these actions. An action that is not listed
is complete, so a journal of an older release, which was in use, is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, text

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.schema import needs_rebuild
from target_stripe_flow.journal.store import Journal

# Unix time 0: no object at Stripe is older.
EVER = 0

_OF_ACCOUNT = (
    needs_rebuild.c.account == bindparam("of_account"),
    needs_rebuild.c.mode == bindparam("of_mode"),
)
_READ = select(needs_rebuild.c.action, needs_rebuild.c.since_unix).where(*_OF_ACCOUNT).order_by(needs_rebuild.c.action)
# An action that lacks objects already keeps the earlier time. In SQL that both databases accept.
_ADD = text(
    """INSERT INTO needs_rebuild (account, mode, action, since_unix) VALUES (:account, :mode, :action, :since_unix)
    ON CONFLICT (account, mode, action) DO UPDATE SET since_unix = excluded.since_unix
    WHERE needs_rebuild.since_unix > excluded.since_unix"""
)
_END = delete(needs_rebuild).where(
    *_OF_ACCOUNT,
    needs_rebuild.c.action == bindparam("of_action"),
    needs_rebuild.c.since_unix >= bindparam("read_since_unix"),
)


def incomplete_actions(journal: Journal, account: str, mode: str) -> Mapping[str, int]:
    """Each action that needs `journal rebuild` → the Unix time since when its rows may be missing.

    Raises JournalBroken.
    """
    found = journal.ask(_READ.params(of_account=account, of_mode=mode))
    return {str(action): int(since_unix) for action, since_unix in found}


def add_incomplete(journal: Journal, account: str, mode: str, actions: Iterable[str], since_unix: int = EVER) -> None:
    """Write that these actions need a rebuild of what was created since then. Raises JournalBroken."""
    rows = _rows(account, mode, actions, since_unix)
    if rows:
        journal.write(account, (_ADD, rows))


def end_incomplete(journal: Journal, account: str, mode: str, action: str, since_unix: int = EVER) -> None:
    """Write that everything of the action since then is in the journal. What is older stays missing.

    Raises JournalBroken.
    """
    of = {"of_account": account, "of_mode": mode, "of_action": action, "read_since_unix": since_unix}
    journal.write(account, (_END, of))


def add_to_new_journal(writer: Connection, account: str, mode: str, actions: Iterable[str]) -> None:
    """Write that these actions need a rebuild, in the transaction that creates the journal."""
    for row in _rows(account, mode, actions, EVER):
        writer.execute(_ADD, row)


def refuse_incomplete(name: str, action: str) -> Misconfigured:
    """The error for a record of an action that needs a rebuild, in the journal of this name."""
    return Misconfigured(
        f"the journal {name} may lack objects of {action} that were created earlier, so records of {action} could be "
        f"sent twice: run `stripe-flow journal rebuild --action {action}` with the settings of this run, then run again"
    )


def _rows(account: str, mode: str, actions: Iterable[str], since_unix: int) -> list[dict[str, Any]]:
    return [
        {"account": account, "mode": mode, "action": action, "since_unix": since_unix} for action in sorted(actions)
    ]
