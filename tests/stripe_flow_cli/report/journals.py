"""Large journals: every state, five currencies, 330 days; canaries where personal data may be."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import OPEN, State
from target_stripe_flow.journal.opening import open_journal

NOW = 1_795_478_400
DAY_S = 86_400
CURRENCIES = ("usd", "eur", "jpy", "kwd", "isk")
DECLINES = ("insufficient_funds", "generic_decline", "expired_card", "do_not_honor", "lost_card")
# The states of the few attempts that are not created, in turn.
RARE = (State.DECLINED, *sorted(set(State) - {State.CREATED, State.UPDATED, State.FOUND, State.DECLINED}))
CANARY_ADDRESS, CANARY_NAME, CANARY_CARD = "canary.jones@example.com", "Canary Jones", "4242424242424242"
CANARY_KEY = "sk_test_canary0123456789"
CANARIES = (CANARY_ADDRESS, CANARY_NAME, CANARY_CARD, CANARY_KEY)
HASTE = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000")


def attempts(count: int, *, done_of: int = 20) -> Iterator[Attempt]:
    """The same attempts each time: all but one of `done_of` are created charges, customers and refunds."""
    for number in range(count):
        rare, turn = number % done_of == 1, number // done_of
        state = RARE[turn % len(RARE)] if rare else State.CREATED
        yield an_attempt(number, state, turn)


def an_attempt(number: int, state: State, turn: int = 0, **columns: Any) -> Attempt:  # Any: columns of the journal
    action = ("charges", "charges", "customers", "refunds")[number % 4] if state is State.CREATED else "charges"
    when = NOW - (number * 7_919) % (330 * DAY_S)
    money = (
        {}
        if action == "customers"
        else {"amount": 10 * (number % 9_000 + 1), "currency": CURRENCIES[(number + turn) % 5]}
    )
    usual: dict[str, Any] = {
        "digest": hashlib.sha256(str(number).encode()).hexdigest()[:32],
        "attempt": 1,
        "account": "acct_1Nv0FGQ9RKHgCVdK",
        "mode": "live",
        "action": action,
        "source_name": "default",
        "source_key": ((CANARY_ADDRESS, CANARY_NAME, f"{CANARY_CARD}")[number % 3], str(number)),
        "fingerprint": "f" * 32,
        "path": f"/v1/{action}",
        "api_version": "2026-10-28.endive",
        "first_sent_unix": when,
        "last_sent_unix": when,
        "settled_unix": None if state in OPEN else when + 1,
        "state": state,
        "stripe_id": f"ch_{number:024}" if state in {State.CREATED, State.DECLINED} else None,
        "request_id": f"req_{number:014}",
    }
    return Attempt(**(usual | money | _trouble(state, turn) | columns))


def _trouble(state: State, turn: int) -> dict[str, Any]:  # Any: columns of the journal
    if state is State.DECLINED:
        return {"http_status": 402, "code": "card_declined", "decline_code": DECLINES[turn % len(DECLINES)]}
    if state is State.REFUSED:
        param = ("source", f"metadata[{CANARY_NAME}]", "customer")[turn % 3]
        return {"http_status": 400, "code": "parameter_invalid_empty", "param": param}
    if state in OPEN:
        return {"body": f"name={CANARY_NAME}&receipt_email={CANARY_ADDRESS}".encode()}
    return {}


def fill(path: Path, rows: Iterator[Attempt]) -> None:
    """Write a journal file fast: a million rows in about a minute."""
    with open_journal(path):
        pass  # creates the tables
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in HASTE:
            connection.execute(pragma)
        connection.execute("BEGIN")
        first = next(rows).row()
        line = f"INSERT INTO attempts ({', '.join(first)}) VALUES ({', '.join(f':{name}' for name in first)})"
        connection.execute(line, first)
        connection.executemany(line, (row.row() for row in rows))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
