"""With PaymentIntents a charge is paid by the default that the customer has then, also if this run has changed it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.official import official
from tests.support.plugins import Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

# How the records name the customer whose default changes, and its charges.
NAMES = pytest.mark.parametrize("named", ["by key", "by id", "by another key"])


def default(method: str) -> dict[str, Any]:
    return {"invoice_settings": {"default_payment_method": method}}


def charge(number: int, customer: str) -> list[Message]:
    return [a_schema("charges"), a_record("charges", id=number, amount=100 + number, currency="usd", customer=customer)]


def customer(**record: Any) -> list[Message]:  # Any: JSON
    return [a_schema("customers"), a_record("customers", **record)]


@pytest.mark.promise("target 12", "A charge is paid by the default payment method that the record before it set")
@NAMES
def test_a_charge_is_paid_by_the_default_that_the_record_before_it_set(
    named: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = a_config(sandbox.url, charge_with="payment_intents", on_change="update")
    assert run_target(tmp_path, settings, customer(id=1, name="C")).code == 0
    client, [made] = official(sandbox).v1, sandbox.objects("customer")
    methods = [
        client.payment_methods.attach(name, {"customer": made["id"]}).id
        for name in ("pm_card_visa", "pm_card_mastercard")
    ]
    client.customers.update(made["id"], {"invoice_settings": {"default_payment_method": methods[0]}})
    name = {"by key": "1", "by id": made["id"], "by another key": "alias"}[named]
    lines = [
        *(customer(id="alias", stripe_id=made["id"]) if named == "by another key" else []),
        *charge(1, name),
        *customer(id=1, name="C", **default(methods[1])),
        *charge(2, name),
    ]

    done = run_target(tmp_path, settings, lines)

    paid = {each["amount"]: each["payment_method"] for each in sandbox.objects("charge")}
    assert done.code == 0
    assert "2 created" in done.summary
    assert (paid[101], paid[102]) == (methods[0], methods[1])


@NAMES
def test_a_customer_without_a_default_is_charged_once_a_record_sets_it(
    named: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = a_config(sandbox.url, charge_with="payment_intents", on_change="update")
    assert run_target(tmp_path, settings, customer(id=1, name="C")).code == 0
    [made] = sandbox.objects("customer")
    method = official(sandbox).v1.payment_methods.attach("pm_card_visa", {"customer": made["id"]}).id
    name = {"by key": "1", "by id": made["id"], "by another key": "alias"}[named]
    lines = [
        *(customer(id="alias", stripe_id=made["id"]) if named == "by another key" else []),
        *charge(1, name),
        *charge(2, name),
        *customer(id=1, name="C", **default(method)),
        *charge(3, name),
    ]

    done = run_target(tmp_path, settings, lines)

    assert "1 created" in done.summary
    assert "2 rejected" in done.summary
    assert [(each["amount"], each["payment_method"]) for each in sandbox.objects("charge")] == [(103, method)]
    reads = [each for each in sandbox.requests() if each["method"] == "GET" and each["path"].endswith(made["id"])]
    assert len(reads) == {"by key": 2, "by id": 3, "by another key": 3}[named]  # an id is confirmed once besides
