"""Charges at both endpoints, directly and through a PaymentIntent; the sandbox shows the effects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import stripe.params

from target_stripe_flow.actions.payment_intents import ALWAYS, FIELDS, translate
from target_stripe_flow.actions.table import ACTIONS
from tests.stripe_flow_cli.journal.test_command import exported
from tests.support.official import official
from tests.support.plugins import ROOT, Ended, a_config, a_record, a_schema, run_target
from tests.support.sandbox import PLATFORM, Sandbox

WAYS = list(ACTIONS["charges"].endpoints)
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
VISA = {"amount": 1000, "currency": "usd", "source": "tok_visa"}
ADDRESS = {"name": "Ann", "address": {"line1": "1 Main St"}}


def send(sandbox: Sandbox, folder: Path, way: str, *charges: dict[str, Any], **settings: object) -> Ended:
    lines = [
        a_schema("customers"),
        a_record("customers", id="c-1", name="Ann", source="tok_mastercard"),
        a_record("customers", id="c-2", name="Bob"),
        a_schema("charges"),
        *(a_record("charges", **charge) for charge in charges),
    ]
    return run_target(folder, a_config(sandbox.url, charge_with=way) | settings, lines)


def rejects(folder: Path) -> dict[object, dict[str, Any]]:
    lines = (folder / "stripe-flow-rejects.jsonl").read_text().splitlines()
    found = [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
    return {each["record"]["id"]: each["stripe_flow"] for each in found}


def test_the_table_in_the_docs_is_the_table_in_the_code() -> None:
    text = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| `(\w+)`(.*)\|$", text, re.MULTILINE)
    values: dict[str, Any] = {"capture": True, "source": "card_1", "destination": {"account": "acct_1"}}

    assert {field: charge for field, charge, *_ in rows} == {name: name for name in FIELDS}
    assert {field: intent for field, _, intent, _ in rows} == {
        name: parameter_of(convert(values.get(name, "x")), name) for name, convert in FIELDS.items()
    } | {"source": "payment_method_data"}


def parameter_of(translated: dict[str, Any], name: str) -> str:
    """The one parameter that a field becomes."""
    [parameter] = translated
    return "payment_method_data" if name == "source" else parameter


def test_every_parameter_of_a_charge_is_translated_and_known_to_the_official_client() -> None:
    schema: Any = ACTIONS["charges"].schema()  # Any: JSON
    known = set(stripe.params.PaymentIntentCreateParams.__annotations__)

    assert set(FIELDS) == set(schema["properties"])
    translated = translate({name: {"account": "a"} if name == "destination" else "x" for name in FIELDS})
    assert set(translated) | {"payment_method_data"} <= known
    assert set(ALWAYS) <= known


@pytest.mark.parametrize(
    ("charge", "intent"),
    [
        ({"source": "tok_visa"}, {"payment_method_data": {"type": "card", "card": {"token": "tok_visa"}}}),
        ({"source": "card_1", "customer": "cus_1"}, {"payment_method": "card_1", "customer": "cus_1"}),
        ({"capture": False}, {"capture_method": "manual"}),
        ({"capture": True}, {"capture_method": "automatic"}),
        (
            {"statement_descriptor": "A", "statement_descriptor_suffix": "B"},
            {"statement_descriptor_suffix": "B"},
        ),
        (
            {"destination": {"account": "acct_1", "amount": 5}},
            {"transfer_data": {"destination": "acct_1", "amount": 5}},
        ),
    ],
)
def test_a_field_is_translated_for_a_payment_intent(charge: dict[str, Any], intent: dict[str, Any]) -> None:
    translated = translate(charge)

    assert {name: translated[name] for name in intent} == intent
    assert set(translated) - set(intent) <= {"capture_method", "allowed_payment_method_types", *ALWAYS}


@pytest.mark.promise("stripe", "The same input gives the same rows by either way of charging")
def test_the_same_input_gives_the_same_rows_at_both_endpoints(tmp_path: Path) -> None:
    charges = [
        {"id": 1} | VISA,
        {"id": 2, "amount": 200, "currency": "eur", "customer": "c-1"},
        {"id": 3} | VISA | {"source": "tok_chargeDeclinedExpiredCard"},
        {"id": 4} | VISA | {"capture": False, "shipping": ADDRESS, "receipt_email": "ann@example.com"},
    ]
    results = []
    for way in WAYS:
        (tmp_path / way).mkdir()
        with Sandbox() as sandbox:
            done = send(sandbox, tmp_path / way, way, *charges)
            objects = [
                (each["amount"], each["status"], each["captured"], each["receipt_email"], bool(each["shipping"]))
                for each in sandbox.objects("charge")
                if each["status"] == "succeeded"
            ]
        rows = [
            {name: value for name, value in row.items() if name not in {"stripe_id", "payment_intent"}}
            for row in exported(tmp_path / way)
        ]
        reasons = {key: (each["status"], each["code"]) for key, each in rejects(tmp_path / way).items()}
        results.append((done.summary.partition(" (")[0], sorted(objects), rows, reasons[3]))

    assert results[0] == results[1]
    assert results[0][0] == "6 records: 5 created, 1 declined"


@EVERY_WAY
def test_the_journal_keeps_the_charge_and_its_payment_intent(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, way, {"id": 1} | VISA)

    [charge] = sandbox.objects("charge")
    [row] = [row for row in exported(tmp_path) if row["action"] == "charges"]
    assert row["stripe_id"] == charge["id"]
    assert (row["payment_intent"] or None) == charge["payment_intent"]


@EVERY_WAY
def test_a_refund_finds_the_charge_of_a_record_at_either_endpoint(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, way, {"id": "o-1"} | VISA)

    lines = [a_schema("refunds"), a_record("refunds", id="r-1", charge="o-1", amount=400)]
    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.summary == "1 records: 1 created"
    assert [each["amount_refunded"] for each in sandbox.objects("charge")] == [400]


def test_a_refund_may_name_a_payment_intent(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "payment_intents", {"id": "o-1"} | VISA)
    [intent] = sandbox.objects("payment_intent")

    lines = [a_schema("refunds"), a_record("refunds", id="r-1", payment_intent=intent["id"], full=True)]
    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.summary == "1 records: 1 created"
    assert [each["amount"] for each in sandbox.objects("refund")] == [1000]


def test_the_default_payment_method_comes_before_the_default_source(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox).v1
    customer = client.customers.create({"source": "tok_visa"}).id
    method = client.payment_methods.attach("pm_card_amex", {"customer": customer}).id
    client.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})

    done = send(sandbox, tmp_path, "payment_intents", {"id": 1, "amount": 100, "currency": "usd", "customer": customer})

    assert done.summary == "3 records: 3 created"
    [intent] = sandbox.objects("payment_intent")
    assert intent["payment_method"] == method


def test_a_charge_to_a_customer_without_a_payment_method_is_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    done = send(sandbox, tmp_path, "payment_intents", {"id": 1, "amount": 100, "currency": "usd", "customer": "c-2"})

    assert done.summary.startswith("3 records: 2 created, 1 rejected")
    assert "no default payment method" in rejects(tmp_path)[1]["reason"]
    assert sandbox.objects("payment_intent") == []


def test_a_card_that_requires_authentication_is_declined(sandbox: Sandbox, tmp_path: Path) -> None:
    charge = {"id": 1} | VISA | attached(sandbox, "pm_card_authenticationRequired")
    done = send(sandbox, tmp_path, "payment_intents", charge)

    assert done.summary.startswith("3 records: 2 created, 1 declined")
    assert rejects(tmp_path)[1]["code"] == "authentication_required"


def test_an_account_that_may_not_charge_directly_charges_through_payment_intents(tmp_path: Path) -> None:
    described = {"accounts": {PLATFORM: {"can_create_charges": False}}, "keys": {"sk_test_mine": {"account": PLATFORM}}}
    (tmp_path / "keys.json").write_text(json.dumps(described))
    charges = [{"id": number} | VISA for number in range(10)]

    with Sandbox("--keys", str(tmp_path / "keys.json")) as sandbox:
        refused = send(sandbox, tmp_path, "charges", *charges, api_key="sk_test_mine")
        done = send(sandbox, tmp_path, "payment_intents", *charges, api_key="sk_test_mine")

    assert refused.code == 4
    assert "set charge_with to payment_intents" in refused.errors[0]
    assert done.summary == "12 records: 10 created, 2 unchanged"


@pytest.mark.parametrize(
    ("bank_account", "outcome", "status"),
    [
        ("pm_usBankAccount_success", "unchanged", "succeeded"),
        ("pm_usBankAccount_insufficientFunds", "declined", "failed"),
    ],
)
def test_a_bank_debit_is_pending_until_the_bank_decides(
    bank_account: str, outcome: str, status: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    charge = {"id": 1} | VISA | attached(sandbox, bank_account)
    first = send(sandbox, tmp_path, "payment_intents", charge)
    soon = send(sandbox, tmp_path, "payment_intents", charge)

    sandbox.advance(5 * 60)
    later = send(sandbox, tmp_path, "payment_intents", charge)

    assert (first.code, first.summary) == (3, "3 records: 2 created, 1 pending")
    assert (soon.code, soon.summary) == (3, "3 records: 2 unchanged, 1 pending")
    assert later.code == 0
    assert f"1 {outcome}" in later.summary or later.summary == "3 records: 3 unchanged"
    assert [each["status"] for each in sandbox.objects("charge")] == [status]
    ordered = [each for each in sandbox.requests() if each["path"] == "/v1/payment_intents"]
    assert [each["method"] for each in ordered].count("POST") == 1


def attached(sandbox: Sandbox, method: str) -> dict[str, Any]:
    """A new customer with this payment method."""
    client = official(sandbox).v1
    customer = client.customers.create({"name": "Ann"}).id
    return {"customer": customer, "source": client.payment_methods.attach(method, {"customer": customer}).id}


def test_a_pending_bank_debit_is_found_in_the_list_after_a_lost_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    charge = {"id": 1} | VISA | attached(sandbox, "pm_usBankAccount_processing")
    lines = [a_schema("charges"), a_record("charges", **charge)]
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "after_execute", "action": failing})
    config = a_config(sandbox.url, charge_with="payment_intents")
    unknown = run_target(tmp_path, config, lines)
    sandbox.faults()

    sandbox.advance(11 * 60)
    found = run_target(tmp_path, config, lines)
    sandbox.advance(40 * 3600)
    still = run_target(tmp_path, config, lines)

    assert [each.summary for each in (unknown, found, still)] == [
        "1 records: 1 unknown",
        "1 records: 1 pending",
        "1 records: 1 pending",
    ]
    assert len(sandbox.objects("payment_intent")) == 1
