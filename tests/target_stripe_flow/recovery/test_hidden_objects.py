"""Objects that Stripe's lists hide by default, and lists that promise more than they show: nothing is created twice.

Real runs and commands; objects are counted in the sandbox, which hides what Stripe hides.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kills.target.rows import TYPES, WAYS
from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run, run_target
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd

DAY_S = 25 * 3600
Record = dict[str, Any]  # Any: JSON
PRICE = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Chair"}}


def a_clock(sandbox: Sandbox, frozen_time: int) -> str:
    return str(official(sandbox).v1.test_helpers.test_clocks.create({"frozen_time": frozen_time}).id)


def on_a_clock(at_s: int) -> Callable[[Sandbox], Record]:
    return lambda sandbox: {"id": 1, "name": "Ann", "test_clock": a_clock(sandbox, sandbox.clock() + at_s)}


# What a list hides → the action, and its record.
HIDDEN: dict[str, tuple[str, Callable[[Sandbox], Record]]] = {
    "a price that is not active": ("prices", lambda _: {"id": 1, "active": False, **PRICE}),
    "a customer on a clock in the past": ("customers", on_a_clock(-400 * DAY_S)),
    "a customer on a clock in the future": ("customers", on_a_clock(400 * DAY_S)),
}
EVERY_HIDDEN = pytest.mark.parametrize("hidden", HIDDEN)


def send(sandbox: Sandbox, folder: Path, action: str, *records: Record, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), messages(action, *records))


def messages(action: str, *records: Record) -> list[Record]:
    return [a_schema(action), *(a_record(action, **record) for record in records)]


def fail_after_execution(action: str) -> Record:
    failure = {"kind": "answer", "status": 500, "stored": "fault"}
    return {"match": {"method": "POST", "path": f"/v1/{action}"}, "at": "after_execute", "action": failure}


def journal(sandbox: Sandbox, folder: Path, *arguments: str, **settings: object) -> Ended:
    (folder / "config.json").write_text(json.dumps(a_config(sandbox.url, **settings)))
    words = ["journal", *arguments, "--config", "config.json"]
    return run([sys.executable, "-m", "stripe_flow_cli", *words], folder, b"")


def lose_journal(folder: Path) -> None:
    for each in folder.glob("stripe-flow-journal.db*"):
        each.unlink()


@pytest.mark.promise(
    "target 5",
    "A scan finds objects that Stripe's lists hide: inactive prices, customers on test clocks",
)
@EVERY_HIDDEN
def test_a_hidden_object_in_doubt_is_found_a_day_later(hidden: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, record = HIDDEN[hidden][0], HIDDEN[hidden][1](sandbox)
    sandbox.faults(fail_after_execution(action))
    assert send(sandbox, tmp_path, action, record).summary == "1 records: 1 unknown"
    sandbox.faults()

    sandbox.advance(DAY_S)
    later = send(sandbox, tmp_path, action, record)

    assert (later.code, later.summary) == (0, "1 records: 1 unchanged")
    assert len(sandbox.objects(TYPES[action])) == 1


@pytest.mark.volume(cases=1)
@EVERY_HIDDEN
def test_a_hidden_object_of_a_killed_run_is_found_a_day_later(hidden: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, record = HIDDEN[hidden][0], HIDDEN[hidden][1](sandbox)
    hold = {"name": "held", "match": {"method": "POST"}, "at": "after_execute", "action": {"kind": "hold"}}
    sandbox.faults(hold)
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in messages(action, record))
    words = command("target_stripe_flow", tmp_path, a_config(sandbox.url))
    with subprocess.Popen(
        words, cwd=tmp_path, env=clean_env(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()
        sandbox.wait_until_held("held")
        process.kill()
    sandbox.faults()

    sandbox.advance(DAY_S)
    later = send(sandbox, tmp_path, action, record)

    assert (later.code, later.summary) == (0, "1 records: 1 unchanged")
    assert len(sandbox.objects(TYPES[action])) == 1


@EVERY_HIDDEN
def test_a_lost_journal_is_refilled_with_hidden_objects(hidden: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, record = HIDDEN[hidden][0], HIDDEN[hidden][1](sandbox)
    send(sandbox, tmp_path, action, record)
    lose_journal(tmp_path)
    sandbox.advance(DAY_S)

    journal(sandbox, tmp_path, "init")
    rebuilt = journal(sandbox, tmp_path, "rebuild")
    again = send(sandbox, tmp_path, action, record)

    assert rebuilt.code == 0
    assert f"{action}: 1 at Stripe, 1 with a marker, 1 new in the journal" in rebuilt.output
    assert again.summary == "1 records: 1 unchanged"
    assert len(sandbox.objects(TYPES[action])) == 1


@pytest.mark.parametrize("request_number", [0, 1, 2])
def test_a_price_that_is_activated_during_a_scan_is_found(
    request_number: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults(fail_after_execution("prices"))
    send(sandbox, tmp_path, "prices", {"id": 1, "active": False, **PRICE})
    sandbox.advance(DAY_S)
    match = {"method": "GET", "path": "/v1/prices"}
    sandbox.faults({"name": "held", "match": match, "skip": request_number, "times": 1, "action": {"kind": "hold"}})

    def activate() -> None:
        sandbox.wait_until_held("held")
        [price] = sandbox.objects("price")
        official(sandbox).v1.prices.update(price["id"], {"active": True})
        sandbox.faults()

    other = threading.Thread(target=activate)
    other.start()
    later = send(sandbox, tmp_path, "prices", {"id": 1, "active": False, **PRICE})
    other.join()

    assert later.summary == "1 records: 1 unchanged"
    assert len(sandbox.objects("price")) == 1


def test_without_permission_for_test_clocks_a_rebuild_is_incomplete(tmp_path: Path) -> None:
    rights = dict.fromkeys(("customer", "product", "plan", "charge", "payment_intent"), "write")
    keys = {"sk_test_all": {"account": "acct_1"}, "rk_test_some": {"account": "acct_1", "rights": rights}}
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"accounts": {"acct_1": {}}, "keys": keys}))
    with Sandbox("--keys", str(path)) as sandbox:
        journal(sandbox, tmp_path, "init")
        settings = {"api_key": "rk_test_some", "account_id": "acct_1"}

        done = journal(sandbox, tmp_path, "rebuild", **settings)

    assert done.code == 2
    assert "runs refuse records of customers until" in done.log
    assert "rak_billing_clock_read" in done.log
    assert "runs refuse records of prices" not in done.log


EVERY_EMPTY_PAGE = pytest.mark.parametrize("has_more", [True, False])


@EVERY_EMPTY_PAGE
@pytest.mark.parametrize("way", WAYS)
def test_a_scan_whose_list_stays_empty_behind_a_page_proves_nothing(
    way: str, sandbox: Sandbox, tmp_path: Path, *, has_more: bool
) -> None:
    action, settings = WAYS[way]
    record = RECORDS[way](sandbox)
    sandbox.faults(fail_after_execution("*"))
    assert send(sandbox, tmp_path, action, record, **settings).summary == "1 records: 1 unknown"
    sandbox.faults()
    [order] = [each for each in sandbox.requests() if "row-1" in each["body"]]
    made = len(sandbox.objects(TYPES[action]))
    # Newer objects in one second, which fill the first page; the marker is not ours.
    of_another = order["body"].replace("stripe_flow", "other").replace("row-1", "row-2")
    crowd(sandbox, order["path"], of_another, 150, at=sandbox.clock() + 1)

    sandbox.advance(2 * DAY_S)
    empty = {"kind": "empty_page", "has_more": has_more}
    sandbox.faults({"match": {"path": order["path"]}, "action": empty})
    incomplete = send(sandbox, tmp_path, action, record, **settings)
    sandbox.faults()
    complete = send(sandbox, tmp_path, action, record, **settings)

    assert (incomplete.code, incomplete.summary) == (3, "1 records: 1 unknown")
    assert "the scan of" in incomplete.log
    assert "says that it has more and does not show it" in incomplete.log
    assert (complete.code, complete.summary) == (0, "1 records: 1 unchanged")
    assert len(sandbox.objects(TYPES[action])) == made + 150


def a_charge(sandbox: Sandbox) -> str:
    return str(official(sandbox).v1.charges.create({"amount": 90_000, "currency": "usd", "source": "tok_visa"}).id)


ROW = {"id": 1, "metadata": {"row": "row-1"}}
# Every way of every action → a record of it.
RECORDS: dict[str, Callable[[Sandbox], Record]] = {
    "customers": lambda _: ROW | {"name": "Ann"},
    "products": lambda _: ROW | {"name": "Chair"},
    "prices": lambda _: ROW | PRICE,
    "charges": lambda _: ROW | {"amount": 100, "currency": "usd", "source": "tok_visa"},
    "payment_intents": lambda _: ROW | {"amount": 100, "currency": "usd", "source": "tok_visa"},
    "refunds": lambda sandbox: ROW | {"charge": a_charge(sandbox), "amount": 1},
}


@EVERY_EMPTY_PAGE
def test_a_rebuild_from_a_list_that_stays_empty_behind_a_page_is_incomplete(
    sandbox: Sandbox, tmp_path: Path, *, has_more: bool
) -> None:
    charges = [{"id": number, "amount": 100, "currency": "usd", "source": "tok_visa"} for number in range(30)]
    send(sandbox, tmp_path, "charges", *charges)
    lose_journal(tmp_path)
    # Newer charges in one second, which fill the first page.
    crowd(sandbox, "/v1/charges", A_CHARGE, 150, at=sandbox.clock() + 1)
    journal(sandbox, tmp_path, "init")
    sandbox.faults({"match": {"path": "/v1/charges"}, "action": {"kind": "empty_page", "has_more": has_more}})

    incomplete = journal(sandbox, tmp_path, "rebuild")
    as_json = journal(sandbox, tmp_path, "rebuild", "--json")
    sandbox.faults()
    complete = journal(sandbox, tmp_path, "rebuild")
    sandbox.advance(DAY_S)
    again = send(sandbox, tmp_path, "charges", *charges)

    assert (incomplete.code, as_json.code, complete.code) == (2, 2, 0)
    assert "runs refuse records of charges until" in incomplete.log
    assert "stripe-flow journal rebuild" in incomplete.log
    by_list = {each["objects"]: each["is_complete"] for each in map(json.loads, as_json.output.splitlines())}
    assert not by_list.pop("charges")
    assert all(by_list.values())
    assert again.summary == "30 records: 30 unchanged"
    assert len(sandbox.objects("charge")) == 30 + 150
