"""The journal stores amount and currency of what moves money: first of the record, then of Stripe's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.actions.money import UNKNOWN, Money, money_of
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.location import Location, location_of
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import fields_of, rows_of
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import UNDO_TO_RELEASE_BEFORE, execute

HOUR_S = 3600
JOURNAL = "stripe-flow-journal.db"
CHARGE: dict[str, Any] = {"amount": 900, "currency": "jpy", "source": "tok_visa"}


def rows_in(folder: Path) -> dict[str, Attempt]:
    """The latest attempts by `action:key`."""
    with location_of({"journal_url": f"sqlite:///{folder / JOURNAL}"}).open_read_only() as journal:
        return {row.name: row for row in sorted(journal.walk({}), key=lambda row: row.attempt)}


def send(sandbox: Sandbox, folder: Path, stream: str, *records: dict[str, Any], **settings: object) -> None:
    lines = [a_schema(stream), *(a_record(stream, **record) for record in records)]
    run_target(folder, a_config(sandbox.url, **settings), lines)


@pytest.mark.parametrize("way", ACTIONS["charges"].endpoints)
def test_the_journal_keeps_the_money_of_created_and_declined_charges(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    declined = CHARGE | {"id": 2, "source": "tok_chargeDeclined"}

    send(sandbox, tmp_path, "charges", CHARGE | {"id": 1}, declined, charge_with=way)

    found = {name: (row.state, row.amount, row.currency) for name, row in rows_in(tmp_path).items()}
    assert found == {"charges:1": (State.CREATED, 900, "jpy"), "charges:2": (State.DECLINED, 900, "jpy")}


def test_a_full_refund_gets_its_money_from_the_answer_of_stripe(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "charges", CHARGE | {"id": 1})

    send(sandbox, tmp_path, "refunds", {"id": 1, "charge": 1, "full": True})

    refund = rows_in(tmp_path)["refunds:1"]
    assert (refund.state, refund.amount, refund.currency) == (State.CREATED, 900, "jpy")


def test_a_scan_fills_in_the_money_of_an_object_that_it_finds(sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of(["refunds"], 1), most_passages=1)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    before = rows_in(tmp_path)["refunds:0"]

    sandbox.advance(25 * HOUR_S)
    ordeal.live()

    after = rows_in(tmp_path)["refunds:0"]
    assert (before.amount, before.currency) == (None, None), "its record names no currency"
    assert (after.state, after.amount, after.currency) == (State.CREATED, 50, "usd")


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if not spec.moves_money])
def test_an_action_that_moves_no_money_stores_none(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, action, {"id": 1} | fields_of(sandbox, action))

    made = rows_in(tmp_path)[f"{action}:1"]
    assert (made.state, made.amount, made.currency) == (State.CREATED, None, None)


def test_a_found_object_has_a_settled_time(sandbox: Sandbox, tmp_path: Path) -> None:
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


@pytest.mark.promise("target 1", "A journal of the first release keeps its rows")
def test_a_journal_of_the_first_release_keeps_its_rows_and_takes_money(location: Location) -> None:
    old, new = an_attempt(1, state=State.CREATED), an_attempt(2, amount=5, currency="usd")
    with location.open_journal() as journal:
        journal.open_attempt(old)
    as_the_first_release_left_it(location)

    with pytest.raises(Misconfigured, match="journal init"), location.open_read_only():
        pass
    assert location.owners() == []
    with location.open_journal() as journal:
        journal.open_attempt(new)

    with location.open_read_only() as journal:
        assert {row.digest: row for row in journal.walk({})} == {old.digest: old, new.digest: new}


def as_the_first_release_left_it(location: Location) -> None:
    execute(
        location,
        *UNDO_TO_RELEASE_BEFORE,
        "ALTER TABLE owners RENAME COLUMN scan_after_s TO look_after_s",
        "ALTER TABLE owners RENAME COLUMN owner TO holder",
        "ALTER TABLE owners RENAME TO holders",
        "ALTER TABLE attempts RENAME COLUMN owner TO holder",
        "ALTER TABLE attempts RENAME COLUMN http_status TO status",
        "ALTER TABLE attempts DROP COLUMN amount",
        "ALTER TABLE attempts DROP COLUMN currency",
        "DELETE FROM journal_versions WHERE version > 1",
    )
