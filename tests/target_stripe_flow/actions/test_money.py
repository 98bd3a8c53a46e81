"""What moves money leaves its amount and currency in the journal: as ordered, then as Stripe says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.actions.money import UNKNOWN, Money, money_of
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.location import Location, Shared, location_of
from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import rows_of
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import an_attempt

HOUR_S = 3600
JOURNAL = "stripe-flow-journal.db"
CHARGE: dict[str, Any] = {"amount": 900, "currency": "jpy", "source": "tok_visa"}


def rows_in(folder: Path) -> dict[str, Attempt]:
    """By `action:key` of the latest attempt."""
    with location_of({"journal_url": f"sqlite:///{folder / JOURNAL}"}).open_read_only() as looked:
        return {row.name: row for row in sorted(looked.walk({}), key=lambda row: row.attempt)}


def send(sandbox: Sandbox, folder: Path, stream: str, *records: dict[str, Any], **settings: object) -> None:
    lines = [a_schema(stream), *(a_record(stream, **record) for record in records)]
    run_target(folder, a_config(sandbox.url, **settings), lines)


@pytest.mark.parametrize("way", ["charges", "payment_intents"])
def test_a_charge_keeps_its_money_whatever_becomes_of_it(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    declined = CHARGE | {"id": 2, "source": "tok_chargeDeclined"}

    send(sandbox, tmp_path, "charges", CHARGE | {"id": 1}, declined, charge_with=way)

    found = {name: (row.state, row.amount, row.currency) for name, row in rows_in(tmp_path).items()}
    assert found == {"charges:1": (State.CREATED, 900, "jpy"), "charges:2": (State.DECLINED, 900, "jpy")}


def test_a_refund_of_all_that_is_left_learns_its_money_from_stripe(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "charges", CHARGE | {"id": 1})

    send(sandbox, tmp_path, "refunds", {"id": 1, "charge": 1, "full": True})

    refund = rows_in(tmp_path)["refunds:1"]
    assert (refund.state, refund.amount, refund.currency) == (State.CREATED, 900, "jpy")


def test_what_a_look_finds_tells_its_money(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of(["refunds"], 1), most_passages=1)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    before = rows_in(tmp_path)["refunds:0"]

    sandbox.advance(25 * HOUR_S)
    ordeal.live()

    after = rows_in(tmp_path)["refunds:0"]
    assert (before.amount, before.currency) == (None, None), "its record names no currency"
    assert (after.state, after.amount, after.currency) == (State.CREATED, 50, "usd")


def test_what_moves_no_money_keeps_none(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "prices", {"id": 1, "currency": "usd", "unit_amount": 5, "product_data": {"name": "a"}})

    price = rows_in(tmp_path)["prices:1"]
    assert (price.state, price.amount, price.currency) == (State.CREATED, None, None)


def test_what_was_found_has_its_time(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "Ann"})
    (customer,) = sandbox.objects("customer")

    send(sandbox, tmp_path, "customers", {"id": 2, "stripe_id": customer["id"]})

    found = rows_in(tmp_path)["customers:2"]
    assert found.state is State.FOUND
    assert (found.settled_unix or 0) >= customer["created"]


@pytest.mark.parametrize(
    ("value", "money"),
    [
        ({"amount": 0, "currency": "usd"}, Money(amount=0, currency="usd")),
        ({"amount": 2**63 - 1, "currency": "idr"}, Money(amount=2**63 - 1, currency="idr")),
        ({"amount": 2**63, "currency": "idr"}, UNKNOWN),
        ({"amount": -1, "currency": "usd"}, UNKNOWN),
        ({"amount": True, "currency": "usd"}, UNKNOWN),
        ({"amount": 1.0, "currency": "usd"}, UNKNOWN),
        ({"amount": 5}, UNKNOWN),
        ({"currency": "usd"}, UNKNOWN),
    ],
)
def test_money_is_an_amount_and_a_currency(value: dict[str, object], money: Money) -> None:
    assert money_of(value) == money


def test_a_journal_of_the_first_release_keeps_its_rows_and_takes_money(tmp_path: Path, location: Location) -> None:
    old, new = an_attempt(1, state=State.CREATED), an_attempt(2, amount=5, currency="usd")
    with location.open_journal() as journal:
        journal.open_attempt(old)
    as_the_first_release_left_it(location, tmp_path)

    with pytest.raises(Misconfigured, match="journal init"), location.open_read_only():
        pass
    with location.open_journal() as journal:
        journal.open_attempt(new)

    with location.open_read_only() as looked:
        assert {row.digest: row for row in looked.walk({})} == {old.digest: old, new.digest: new}


def as_the_first_release_left_it(location: Location, folder: Path) -> None:
    undone = (
        "ALTER TABLE attempts DROP COLUMN amount",
        "ALTER TABLE attempts DROP COLUMN currency",
        f"DELETE FROM journal_versions WHERE version = {len(MIGRATIONS)}",
    )
    if isinstance(location, Shared):
        with psycopg.connect(location.url.render_as_string(hide_password=False)) as connection:
            for statement in undone:
                connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(folder / "journal.db")) as raw:
        for statement in undone:
            raw.execute(statement)
        raw.commit()
