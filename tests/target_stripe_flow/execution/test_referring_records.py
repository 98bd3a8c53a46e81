"""Records that refer to other records: with streams in any order, inside a run and across runs."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import TYPES
from tests.support.official import official
from tests.support.plugins import (
    Ended,
    Message,
    a_config,
    a_record,
    a_schema,
    a_state,
    clean_env,
    command,
    run_target,
)
from tests.support.sandbox import Sandbox

RECORDS: dict[str, list[dict[str, Any]]] = {
    "customers": [{"id": "c-1", "name": "Ann", "source": "tok_visa"}],
    "charges": [
        {"id": "o-1", "amount": 1000, "currency": "usd", "customer": "c-1"},
        {"id": "o-2", "amount": 500, "currency": "usd", "source": "tok_visa"},
    ],
    "refunds": [{"id": "r-1", "charge": "o-1", "amount": 300}, {"id": "r-2", "charge": "o-2", "full": True}],
}
COUNT = sum(map(len, RECORDS.values()))


def run(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def stream(name: str) -> list[Message]:
    return [a_schema(name), *(a_record(name, **record) for record in RECORDS[name])]


def reasons(folder: Path) -> dict[str | int, str]:
    lines = (folder / "stripe-flow-rejects.jsonl").read_text().splitlines()
    found = [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
    return {each["record"]["id"]: f"{each['stripe_flow']['field']}: {each['stripe_flow']['reason']}" for each in found}


@pytest.mark.promise("target 13", "Streams may arrive in any order, in one run and across runs")
@pytest.mark.parametrize("order", list(itertools.permutations(RECORDS)), ids="-".join)
def test_streams_may_come_in_any_order(order: tuple[str, ...], sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [line for number, name in enumerate(order, 1) for line in [*stream(name), a_state(streams=number)]]

    done = run(sandbox, tmp_path, *lines)
    again = run(sandbox, tmp_path, *lines)

    assert done.summary == f"{COUNT} records: {COUNT} created"
    assert again.summary == f"{COUNT} records: {COUNT} unchanged"
    assert [json.loads(line) for line in done.output.splitlines()][-1] == {"streams": 3}
    [customer] = sandbox.objects("customer")
    charges = {each["amount"]: each for each in sandbox.objects("charge")}
    assert charges[1000]["customer"] == customer["id"]
    assert sorted((each["charge"], each["amount"]) for each in sandbox.objects("refund")) == sorted(
        [(charges[1000]["id"], 300), (charges[500]["id"], 500)]
    )


def test_each_stream_may_come_in_a_run_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    early = run(sandbox, tmp_path, *stream("refunds"))
    summaries = [run(sandbox, tmp_path, *stream(name)).summary for name in RECORDS]

    assert early.summary.startswith("2 records: 2 rejected")
    assert reasons(tmp_path)["r-1"].startswith("charge: is neither the key of a record nor")
    assert summaries == ["1 records: 1 created", "2 records: 2 created", "2 records: 2 created"]


def test_no_state_passes_a_deferred_record(sandbox: Sandbox, tmp_path: Path) -> None:
    """The customer is rejected, so its earlier charge is rejected, too; the STATE between them waits for both."""
    bad = a_record("customers", id="c-1", name=17)

    done = run(sandbox, tmp_path, *stream("charges"), a_state(charges=2), a_schema("customers"), bad, a_state(all=3))

    assert done.summary.startswith("3 records: 1 created, 2 rejected")
    assert [json.loads(line) for line in done.output.splitlines()] == [{"all": 3}]
    assert set(reasons(tmp_path)) == {"o-1", "c-1"}


def test_many_records_may_wait_for_one(sandbox: Sandbox, tmp_path: Path) -> None:
    charges = [a_record("charges", id=n, amount=100 + n, currency="usd", customer="c-1") for n in range(1500)]

    done = run(sandbox, tmp_path, a_schema("charges"), *charges, a_state(charges=1), *stream("customers"))

    assert done.summary == "1501 records: 1501 created"
    assert json.loads(done.output) == {"charges": 1}


def test_a_refund_may_name_a_stripe_id_or_a_source_key(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox).v1
    theirs = client.charges.create({"amount": 1000, "currency": "usd", "source": "tok_visa"}).id
    run(sandbox, tmp_path, *stream("customers"), *stream("charges"))

    done = run(
        sandbox,
        tmp_path,
        a_schema("refunds"),
        a_record("refunds", id=1, charge=theirs, amount=1),
        a_record("refunds", id=2, charge="o-2", amount=2, reason="duplicate", metadata={"why": "twice"}),
    )

    made = {each["amount"]: each for each in sandbox.objects("refund")}
    assert done.summary == "2 records: 2 created"
    assert made[1]["charge"] == theirs
    assert (made[2]["reason"], made[2]["metadata"]["why"]) == ("duplicate", "twice")


def test_a_price_may_name_a_product_by_an_id_of_any_text(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = ["basic-plan", "Größe 5/6", "v1.2?"]
    for name in ids:
        official(sandbox).v1.products.create({"id": name, "name": "Basic"})
    prices = [a_record("prices", id=n, product=name, currency="usd", unit_amount=n) for n, name in enumerate(ids)]

    done = run(sandbox, tmp_path, a_schema("prices"), *prices)

    assert done.summary == "3 records: 3 created"
    assert sorted(each["product"] for each in sandbox.objects("price")) == sorted(ids)


def keyed(stream: str, *keys: str) -> Message:
    return a_schema(stream, *keys) | {"schema": {"properties": {key: {"type": "string"} for key in keys}}}


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("seed", ["0", "1", "2", "3"])
@pytest.mark.parametrize("first", ["ones", "twos"])
def test_a_name_with_a_comma_is_one_known_key_or_not_clear(
    seed: str, first: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Whatever the order of Python's sets is, and whether the other key comes in this run or came before."""
    settings = a_config(
        sandbox.url,
        stream_maps={name: {"__alias__": "customers"} for name in ("ones", "twos")},
        source_names={"ones": "by one value", "twos": "by two values"},
    )
    line = command("target_stripe_flow", tmp_path, settings)

    def send(*lines: Message) -> None:
        given = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
        # A process of its own: a forked one would have the hashes of its parent.
        subprocess.run(line, cwd=tmp_path, input=given, env=clean_env(PYTHONHASHSEED=seed), check=False, timeout=60)

    schemas = [keyed("ones", "id"), keyed("twos", "x", "y")]
    customers = {
        "ones": a_record("ones", id="a,b", name="ones", source="tok_visa"),
        "twos": a_record("twos", x="a", y="b", name="twos", source="tok_visa"),
    }
    charges = [
        [a_schema("charges"), a_record("charges", id=n, amount=100, currency="usd", customer="a,b")] for n in (1, 2, 3)
    ]
    [second] = set(customers) - {first}

    for lines in ([*schemas, customers[first], *charges[0]], [*schemas, customers[second]], charges[1], charges[2]):
        send(*lines)

    made = {each["id"]: each["name"] for each in sandbox.objects("customer")}
    assert sorted(made.values()) == ["ones", "twos"]
    assert [made[each["customer"]] for each in sandbox.objects("charge")] == [first]
    assert sorted(reasons(tmp_path)) == [2, 3]
    assert {reason[:26] for reason in reasons(tmp_path).values()} == {"customer: is not clear: 2 "}


@pytest.mark.promise("target 8", "No refund exceeds what is left of the charge")
def test_more_than_is_left_is_not_refunded(sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, tmp_path, *stream("customers"), *stream("charges"))
    refunds = [a_record("refunds", id=number, charge="o-1", amount=400) for number in range(9)]

    done = run(sandbox, tmp_path, a_schema("refunds"), *refunds)

    assert done.code == 0
    assert done.summary.startswith("9 records: 2 created, 7 rejected")
    assert sum(each["amount"] for each in sandbox.objects("refund")) == 800


def test_a_refund_that_a_tap_read_is_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox).v1
    charge = client.charges.create({"amount": 1000, "currency": "usd", "source": "tok_visa"}).id
    refund = client.refunds.create({"charge": charge, "amount": 10}).to_dict()

    done = run(sandbox, tmp_path, a_schema("refunds"), a_record("refunds", **refund))

    assert done.summary.startswith("1 records: 1 rejected")
    assert len(sandbox.objects("refund")) == 1


def test_the_tests_know_the_object_type_of_every_action() -> None:
    assert set(TYPES) == set(ACTIONS)
