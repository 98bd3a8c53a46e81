"""`--furnish N`: N objects of every kind, as Stripe describes them, that refer to each other and add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from stripe_flow_sandbox.furnish.kinds import KINDS
from stripe_flow_sandbox.parameters.accepted import data
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.stripe_flow_sandbox.description import differences
from tests.support.official import everything, official
from tests.support.official_lists import official_lists
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

ROUNDS = 3
NOUNS = sorted({kind.noun for kind in KINDS})
REFERENCES: Mapping[str, Mapping[str, list[str]]] = data("references.json")
LISTED = [spec for spec in STREAMS if spec.child_of is None and REFERENCES.get(spec.kind)]
# Streams whose furnished objects name no other object by its id.
ALONE = {"accounts", "file_links", "issuing_cardholders", "issuing_cards", "payment_links", "tax_ids"}
# References to what the sandbox does not have.
UNKNOWN = {("application_fee", "application"), ("file_link", "file")}


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox("--furnish", str(ROUNDS), "--now", "1800000000") as running:
        yield running


@pytest.fixture(scope="module", params=[PLATFORM, CONNECTED])
def objects(shop: Sandbox, request: pytest.FixtureRequest) -> Mapping[str, list[dict[str, Any]]]:
    """All objects of an account, by type."""
    return {noun: shop.objects(noun, request.param) for noun in NOUNS}


def at(value: Any, steps: list[str]) -> Iterator[Any]:  # Any: JSON
    """All values at a path; a list on the way stands for each of its entries."""
    if isinstance(value, list):
        for each in value:
            yield from at(each, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from at(value[steps[0]], steps[1:])


def named(found: dict[str, Any], path: str) -> list[str]:
    """The ids at the path of a reference."""
    return [each for each in at(found, path.replace("[]", "").split(".")) if isinstance(each, str)]


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("account", [PLATFORM, CONNECTED])
def test_every_stream_has_objects_in_every_account(spec: StreamSpec, account: str, shop: Sandbox) -> None:
    for kind in (spec.kind, *spec.other_kinds):
        assert len(shop.objects(kind, account)) >= ROUNDS
    if spec.child_of is None:
        shown = everything(official_lists()[spec.path].of(official(shop, account).v1), **spec.filters)
        assert len(shown) >= ROUNDS


@pytest.mark.parametrize("noun", NOUNS)
def test_every_object_is_as_described(noun: str, objects: Mapping[str, list[dict[str, Any]]]) -> None:
    assert list(differences(objects[noun])) == []


@pytest.mark.promise("sandbox", "The objects that `--furnish` makes refer to each other, and their amounts add up")
@pytest.mark.parametrize("noun", sorted(set(REFERENCES) & set(NOUNS)))
def test_every_reference_is_to_an_object_of_its_kind(noun: str, objects: Mapping[str, list[dict[str, Any]]]) -> None:
    ids = {kind: {each["id"] for each in found} for kind, found in objects.items()}
    for path, kinds in REFERENCES[noun].items():
        for found in objects[noun]:
            for name in named(found, path):
                assert (noun, path) in UNKNOWN or any(name in ids.get(kind, ()) for kind in kinds), (path, name)


@pytest.mark.parametrize("spec", LISTED, ids=lambda spec: spec.name)
def test_a_reference_expands_to_the_object_itself(spec: StreamSpec, shop: Sandbox) -> None:
    service = official_lists()[spec.path].of(official(shop).v1)
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for noun in NOUNS:
        known |= {(noun, each["id"]): each for each in shop.objects(noun)}
    plain = everything(service, **spec.filters)
    expanded = 0
    for path in REFERENCES[spec.kind]:
        if path.count(".") > 2 or not any(named(each, path) for each in plain) or (spec.kind, path) in UNKNOWN:
            continue
        whole = everything(service, **spec.filters, expand=[f"data.{path.replace('[]', '')}"])
        for before, after in zip(plain, whole, strict=True):
            found = [each for each in at(after, path.replace("[]", "").split(".")) if each is not None]
            assert [each["id"] for each in found] == named(before, path)
            assert all(known[each["object"], each["id"]] == each for each in found)
            expanded += len(found)
    assert (expanded > 0) == (spec.name not in ALONE)


def test_the_amounts_of_each_round_add_up(objects: Mapping[str, list[dict[str, Any]]]) -> None:
    moved = {each["source"]: each for each in objects["balance_transaction"]}
    charges = {each["id"]: each for each in objects["charge"]}
    for charge in objects["charge"]:
        refunds = [each["amount"] for each in objects["refund"] if each["charge"] == charge["id"]]
        assert sum(refunds) == charge["amount_refunded"]
        fees = [each["amount"] for each in objects["application_fee"] if each["charge"] == charge["id"]]
        assert sum(fees) == charge["application_fee_amount"]
    for each in objects["balance_transaction"]:
        assert each["net"] == each["amount"] - each["fee"]
        assert each["fee"] == sum(detail["amount"] for detail in each["fee_details"])
    for kind in ("charge", "refund", "transfer", "transfer_reversal", "application_fee", "fee_refund", "topup"):
        for each in objects[kind]:
            assert moved[each["id"]]["id"] == each["balance_transaction"]
            assert abs(moved[each["id"]]["amount"]) == each["amount"]
    for kind, parts, member, sums in (
        ("invoice", "line_item", "invoice", "total"),
        ("transfer", "transfer_reversal", "transfer", "amount_reversed"),
        ("application_fee", "fee_refund", "fee", "amount_refunded"),
    ):
        for each in objects[kind]:
            assert sum(part["amount"] for part in objects[parts] if part[member] == each["id"]) == each[sums]
    for each in objects["credit_note"]:
        assert sum(line["amount"] for line in each["lines"]["data"]) == each["amount"] == each["total"]
    for each in objects["invoice_payment"]:
        [paid] = [one for one in charges.values() if one["payment_intent"] == each["payment"]["payment_intent"]]
        [invoice] = [one for one in objects["invoice"] if one["id"] == each["invoice"]]
        assert paid["amount"] == each["amount_paid"] == invoice["amount_paid"] == invoice["total"]


@pytest.mark.parametrize("account", [PLATFORM, CONNECTED])
def test_a_payout_is_the_sum_of_its_balance_transactions(account: str, shop: Sandbox) -> None:
    client = official(shop, account).v1
    payouts = everything(client.payouts)

    assert len(payouts) == ROUNDS
    for payout in payouts:
        paid_out = everything(client.balance_transactions, payout=payout["id"])
        others = [each["net"] for each in paid_out if each["source"] != payout["id"]]
        assert sum(others) == payout["amount"] == -sum(each["net"] for each in paid_out if each["type"] == "payout")
        assert len(others) > 1
    balance = client.balance.retrieve()
    assert [each.amount for each in (*balance.available, *balance.pending)] == [0, 0]


def test_the_first_connected_account_is_the_other_account_of_the_sandbox(shop: Sandbox) -> None:
    assert everything(official(shop).v1.accounts)[-1]["id"] == CONNECTED


def test_the_same_start_gives_the_same_objects(shop: Sandbox) -> None:
    with Sandbox("--furnish", str(ROUNDS), "--now", "1800000000") as again:
        for noun in NOUNS:
            assert again.objects(noun) == shop.objects(noun)
