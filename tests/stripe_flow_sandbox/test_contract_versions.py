"""Lists that older API versions show inside objects, whole and not empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_keys_file
from tests.support.sandbox import PLATFORM, Sandbox


@pytest.mark.parametrize(("version", "is_shown"), [("2020-08-27", True), ("2022-08-01", True), ("2022-11-15", False)])
def test_a_charge_shows_its_refunds_before_2022_11_15(
    shared: Sandbox, client: Any, version: str, *, is_shown: bool
) -> None:
    charge = a_charge(client)
    refunds = [client.refunds.create({"charge": charge.id, "amount": amount}).id for amount in (100, 200)]
    old = a_client(shared, version=version)

    answers = [
        old.charges.retrieve(charge.id),
        *(each for each in old.charges.list({"limit": 5}).data if each.id == charge.id),
        old.charges.update(charge.id, {"metadata": {"a": "1"}}),
        old.refunds.retrieve(refunds[0], {"expand": ["charge"]}).charge,
    ]

    assert len(answers) == 4
    for answer in answers:
        shown = answer.to_dict().get("refunds")
        assert ({each["id"] for each in shown["data"]} if shown else None) == (set(refunds) if is_shown else None)


@pytest.mark.parametrize(("version", "is_shown"), [("2019-12-03", True), ("2020-03-02", True), ("2020-08-27", False)])
def test_a_customer_shows_its_cards_before_2020_08_27(
    shared: Sandbox, client: Any, version: str, *, is_shown: bool
) -> None:
    customer = a_customer(client)
    old = a_client(shared, version=version)

    answers = [
        old.customers.retrieve(customer.id),
        old.customers.list({"limit": 1}).data[0],
        old.customers.update(customer.id, {"name": "Ada"}),
        old.charges.retrieve(a_charge(client, customer=customer.id, source=None).id, {"expand": ["customer"]}).customer,
    ]

    for answer in answers:
        shown = answer.to_dict().get("sources")
        assert ([each["id"] for each in shown["data"]] if shown else None) == (
            [customer.default_source] if is_shown else None
        )


def test_events_of_an_old_account_show_them_too(tmp_path: Path) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {"charges": 90, "api_version": "2019-12-03"}}, {Sandbox.key: {}})

    with Sandbox("--keys", keys) as sandbox:
        client = a_client(sandbox)
        customer, charge = a_customer(client), a_charge(client)
        client.refunds.create({"charge": charge.id})
        events = [each for each in sandbox.objects("event") if each["type"] in ("customer.created", "charge.refunded")]

    made = {each["data"]["object"]["id"] for each in events}
    assert {customer.id, charge.id} < made
    for event in events:
        shown = event["data"]["object"]
        if event["type"] == "customer.created":
            assert [each["id"] for each in shown["sources"]["data"]] == [shown["default_source"]]
        else:
            assert sum(each["amount"] for each in shown["refunds"]["data"]) == shown["amount_refunded"]
