"""The setting expand: references become whole objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.official import everything, official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, Sandbox


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    """Charges with a customer, with a deleted customer and without one. Tests only read it."""
    with Sandbox("--charges", "150", "--days", "9") as running:
        client = official(running).v1
        deleted_by = client.customers.create({"source": "tok_visa"}).id
        client.charges.create({"amount": 500, "currency": "usd", "customer": deleted_by})
        client.customers.delete(deleted_by)
        running.advance(1_000)
        yield running


def schema_of(done: Ended, stream: str) -> dict[str, Any]:  # Any: JSON schema
    found = next(each for each in done.messages if each["type"] == "SCHEMA" and each["stream"] == stream)
    return dict(found["schema"])


def by_id(records: list[Message]) -> Mapping[str, Message]:
    return {each["id"]: each for each in records}


def misfits(done: Ended, stream: str) -> set[str]:
    validator = Draft202012Validator(schema_of(done, stream))
    return {error.json_path for record in done.records(stream) for error in validator.iter_errors(record)}


@pytest.mark.parametrize(
    "expand",
    [
        ["customer"],
        ["customer.default_source"],
        ["customer", "customer.default_source"],
        ["customer", "balance_transaction", "refunds"],
        ["customer.sources"],
    ],
    ids=" ".join,
)
def test_expanded_records_are_what_the_official_client_reads(shop: Sandbox, tmp_path: Path, expand: list[str]) -> None:
    theirs = everything(official(shop).v1.charges, expand=[f"data.{name}" for name in expand])

    done = run_tap(tmp_path, a_config(shop.url, expand=expand))

    assert done.code == 0
    assert by_id(done.records("charges")) == by_id(theirs)
    assert {type(record["customer"]) for record in done.records("charges")} == {dict, type(None)}


@pytest.mark.parametrize(
    "expand", [["customer"], ["customer.default_source"], ["charge", "charge.customer"]], ids=" ".join
)
def test_expanded_records_fit_their_schema(shop: Sandbox, tmp_path: Path, expand: list[str]) -> None:
    done = run_tap(tmp_path, a_config(shop.url, expand=expand))

    assert misfits(done, "charges") == set()
    assert misfits(done, "refunds") == set()
    assert len(done.records("charges")) == 151


def test_the_schema_takes_both_the_id_and_the_object(shop: Sandbox, tmp_path: Path) -> None:
    plain = run_tap(tmp_path, a_config(shop.url), "--test=schema")
    done = run_tap(tmp_path, a_config(shop.url, expand=["customer"]), "--test=schema")

    customer = schema_of(done, "charges")["properties"]["customer"]
    assert {"string", "object"} <= set(customer["type"])
    assert "object" not in schema_of(plain, "charges")["properties"]["customer"]["type"]
    without = [
        {name: part for name, part in schema_of(each, "charges")["properties"].items() if name != "customer"}
        for each in (plain, done)
    ]
    assert without[0] == without[1]


def test_a_stream_ignores_names_that_only_another_stream_can_expand(shop: Sandbox, tmp_path: Path) -> None:
    before = len(shop.requests())

    done = run_tap(tmp_path, a_config(shop.url, expand=["charge"]))

    asked = {each["path"]: each["query"] for each in shop.requests()[before:]}
    assert done.code == 0
    assert "expand" not in asked["/v1/charges"]
    assert "data.charge" in asked["/v1/refunds"]
    assert {type(record["charge"]) for record in done.records("refunds")} == {dict}


def test_mapped_records_are_expanded_too(shop: Sandbox, tmp_path: Path) -> None:
    maps = {"charges": {"payer": "customer['id'] if customer else None"}}

    plain = run_tap(tmp_path, a_config(shop.url, expand=["customer"]))
    done = run_tap(tmp_path, a_config(shop.url, expand=["customer"], stream_maps=maps))

    expected = [{**each, "payer": (each["customer"] or {}).get("id")} for each in plain.records("charges")]
    assert done.records("charges") == expected


def test_an_unknown_name_is_refused_with_a_suggestion(shop: Sandbox, tmp_path: Path) -> None:
    before = len(shop.requests())

    done = run_tap(tmp_path, a_config(shop.url, expand=["customer", "costumer.name"]))

    assert done.code == 1
    assert len(done.errors) == 1
    assert "setting expand names 'costumer.name', which no stream has (did you mean customer?)" in done.errors[0]
    assert len(shop.requests()) == before
    assert done.messages == []


def test_an_expansion_that_stripe_refuses_fails_only_its_stream(shop: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(shop.url, expand=["charge.nonsense"]))

    assert done.code == 2
    assert len(done.errors) == 1
    assert "stream refunds" in done.errors[0]
    assert len(done.records("charges")) > 0


def test_changed_objects_are_expanded_too(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox).v1
    customer = client.customers.create({"source": "tok_visa", "name": "Ada"}).id
    order = {"amount": 500, "currency": "usd", "customer": customer}
    charges = [client.charges.create(order).id for _ in range(3)]
    sandbox.advance(5_000)
    charges += [client.charges.create(order).id for _ in range(3)]
    settings = a_config(sandbox.url, expand=["customer"], capture="changes")
    sandbox.advance(5_000)
    state = run_tap(tmp_path, settings).states[-1]
    changed = [charges[0], charges[1], charges[5]]
    for each in changed:
        client.charges.update(each, {"description": "now"})

    done = run_tap(tmp_path, settings, state=state)

    assert by_id(done.records("charges")) == {
        each: client.charges.retrieve(each, {"expand": ["customer"]}).to_dict() for each in changed
    }
    assert {record["customer"]["name"] for record in done.records("charges")} == {"Ada"}


def test_customers_read_by_id_and_accounts_are_expanded_too(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox, CONNECTED).v1
    customer = client.customers.create({"source": "tok_visa"}).id
    client.charges.create({"amount": 500, "currency": "usd", "customer": customer})
    named = {"customer_ids": [f"{CONNECTED}/{customer}"], "account_ids": [CONNECTED]}

    done = run_tap(tmp_path, a_config(sandbox.url, expand=["default_source", "customer"], **named))

    theirs = client.customers.retrieve(customer, {"expand": ["default_source"]}).to_dict()
    assert done.records("customers") == [{**theirs, "_stripe_account": CONNECTED}]
    assert [record["customer"]["id"] for record in done.records("charges")] == [customer]
    assert misfits(done, "customers") == set()
