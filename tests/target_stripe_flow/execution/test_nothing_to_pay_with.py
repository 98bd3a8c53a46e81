"""A customer that has nothing to pay with: no bank was asked, so the charge is sent again once there is a source."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.official import official
from tests.support.plugins import Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

CUSTOMER = a_record("customers", id="c1", name="Ann")
CHARGE = a_record("charges", id="o1", amount=100, currency="usd", customer="c1")
LINES = [a_schema("customers"), CUSTOMER, a_schema("charges"), CHARGE]


def reason(folder: Path) -> Message:
    line = (folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    report: Message = json.loads(line)["stripe_flow"]
    return report


def give_a_card(sandbox: Sandbox) -> None:
    [customer] = sandbox.objects("customer")
    official(sandbox).v1.customers.update(customer["id"], {"source": "tok_visa"})


@pytest.mark.promise("target 7", "A charge of a customer without a payment method is sent again once it has a source")
def test_it_is_said_in_words_and_is_not_final(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_target(tmp_path, a_config(sandbox.url), LINES)
    report = reason(tmp_path)
    give_a_card(sandbox)
    again = run_target(tmp_path, a_config(sandbox.url), LINES)
    third = run_target(tmp_path, a_config(sandbox.url), LINES)

    assert done.summary.startswith("2 records: 1 created, 1 rejected")
    assert (report["status"], report["code"]) == ("rejected", "missing")
    assert "the customer has nothing to pay with, or not the source that the record names" in report["reason"]
    assert "final" not in report["reason"]
    assert again.summary == "2 records: 1 created, 1 unchanged"
    assert third.summary == "2 records: 2 unchanged"
    assert [each["amount"] for each in sandbox.objects("charge")] == [100]


def test_what_an_earlier_release_called_final_stays_so(sandbox: Sandbox, tmp_path: Path) -> None:
    run_target(tmp_path, a_config(sandbox.url), LINES)
    with sqlite3.connect(tmp_path / "stripe-flow-journal.db") as journal:
        journal.execute("UPDATE attempts SET state = 'declined' WHERE state = 'refused'")
    give_a_card(sandbox)

    done = run_target(tmp_path, a_config(sandbox.url), LINES)

    assert done.summary.startswith("2 records: 1 unchanged, 1 declined")
    assert "Stripe declined it (missing): the customer has nothing to pay with" in reason(tmp_path)["reason"]
    assert sandbox.objects("charge") == []


@pytest.mark.parametrize("code", ["testmode_charges_only", "capability_not_active"])
def test_a_402_that_the_account_causes_is_not_final_either(code: str, sandbox: Sandbox, tmp_path: Path) -> None:
    error = {"type": "invalid_request_error", "code": code}
    answer = {"kind": "answer", "status": 402, "error": error}
    sandbox.faults({"match": {"method": "POST", "path": "/v1/charges"}, "action": answer})
    charges = [a_record("charges", id=number, amount=100, currency="usd", source="tok_visa") for number in range(6)]

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), *charges])
    sandbox.faults()
    again = run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), *charges])

    assert (done.code, again.summary) == (4, "6 records: 6 created")
