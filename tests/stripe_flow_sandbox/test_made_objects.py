"""`POST /_sandbox/objects`: objects of every type, by type and by the names of the tap's streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from stripe_flow_sandbox.furnish.kinds import KINDS, Kind
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_payment
from tests.stripe_flow_sandbox.description import differences
from tests.support.official import everything, official
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

TWO_DAYS_S = 2 * 24 * 60 * 60


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.mark.promise("sandbox", "Every object that the sandbox makes, of every type, matches Stripe's description")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.noun}-{kind.stream}")
def test_an_object_of_every_type_is_as_described(kind: Kind, shop: Sandbox) -> None:
    of = shop.make(kind.children.parent)[0] if kind.children else None
    before = len(shop.objects(kind.noun))

    shop.make(kind.noun, 2, of=of)

    assert len(shop.objects(kind.noun)) == before + 2
    assert list(differences(shop.objects(kind.noun))) == []
    assert kind.children is None or list(differences(shop.objects(kind.children.parent))) == []


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_name_of_a_stream_makes_its_objects(spec: StreamSpec, shop: Sandbox) -> None:
    made = shop.make(spec.name, 2)

    kinds = (spec.kind, *spec.other_kinds)
    assert set(made) <= {each["id"] for kind in kinds for each in shop.objects(kind)}
    assert set(made) <= {each["id"] for each in shop.objects(spec.name)}


def test_the_types_name_every_stream_with_its_list(shop: Sandbox) -> None:
    shown = requests.get(f"{shop.url}/_sandbox/types", timeout=10).json()["data"]

    paths = {(each["stream"], each["type"]): each["path"] for each in shown}
    for spec in STREAMS:
        for kind in (spec.kind, *spec.other_kinds):
            assert paths[spec.name, kind] == spec.path
    parents = {(each["stream"], each["of"]) for each in shown}
    assert parents >= {(each.name, each.child_of.parent.kind if each.child_of else None) for each in STREAMS}


def test_an_order_without_a_count_makes_one_object_unless_it_changes_or_deletes_one(shop: Sandbox) -> None:
    def post(**order: object) -> list[str]:
        answer = requests.post(f"{shop.url}/_sandbox/objects", json={"type": "product", **order}, timeout=10)
        return list(answer.json()["ids"])

    [made] = post(values={"name": "Tea"})

    assert post(change=made, values={"name": "Green tea"}) == [made]
    assert post(delete=made) == [made]
    assert post(count=0) == []


@pytest.mark.parametrize(
    "order", [{"type": "nonsense"}, {"type": "", "count": 1}, {"type": "charge_", "change": "ch_1"}]
)
def test_an_unknown_type_is_answered_with_those_there_are(order: dict[str, str], shop: Sandbox) -> None:
    answers = [
        requests.post(f"{shop.url}/_sandbox/objects", json=order, timeout=10),
        requests.get(f"{shop.url}/_sandbox/objects", params={"type": order["type"]}, timeout=10),
    ]

    for answer in answers:
        said = answer.json()["error"]
        assert (answer.status_code, said.startswith("the sandbox has no type")) == (400, True)
        assert all(kind.noun in said for kind in KINDS)
        assert "GET /_sandbox/types" in said


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ({"type": "charge", "count": -1}, "Expected `int` >= 0 - at `$.count`"),
        ({"type": "charge", "account": "acct_1"}, f"no account acct_1. Its accounts are {PLATFORM}, {CONNECTED}"),
        ({"type": "line_item", "delete": "il_1"}, "No such line_item: 'il_1'"),
        ({"type": "line_item", "of": "in_1", "count": 1}, "no object in_1 has child objects of type line_item"),
    ],
)
def test_a_wrong_order_is_refused(order: dict[str, object], error: str, shop: Sandbox) -> None:
    answer = requests.post(f"{shop.url}/_sandbox/objects", json=order, timeout=10)

    assert (answer.status_code, error in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize(
    "kind", [each for each in KINDS if each.children], ids=lambda kind: f"{kind.noun}-{kind.stream}"
)
def test_a_child_object_is_changed_and_deleted_by_its_id_alone(kind: Kind, shop: Sandbox) -> None:
    assert kind.children
    first, _ = shop.make(kind.children.parent, 2)
    [child] = shop.make(kind.noun, of=first)

    for order in ({"change": child, "values": {"metadata": {"shelf": "7"}}}, {"delete": child}):
        answer = requests.post(f"{shop.url}/_sandbox/objects", json={"type": kind.noun, **order}, timeout=10)
        assert answer.json() == {"ids": [child]}
        [shown] = [each for each in shop.objects(kind.noun) if each["id"] == child]
        assert shown.get("deleted", shown.get("metadata")) in ({"shelf": "7"}, True)


def test_an_id_is_one_object_and_a_deleted_one_stays_as_it_is(sandbox: Sandbox) -> None:
    def order(**members: object) -> tuple[int, str]:
        answer = requests.post(f"{sandbox.url}/_sandbox/objects", json=members, timeout=10)
        return answer.status_code, answer.json().get("error", "")

    assert order(type="coupon", count=1, values={"id": "SPRING"})[0] == 200
    assert order(type="coupon", count=1, values={"id": "SPRING"}) == (
        400,
        "there is a coupon SPRING: change it, or give the new one another id",
    )
    [invoice] = sandbox.make("invoice")
    sandbox.delete("invoice", invoice)
    assert order(type="invoice", change=invoice, values={"status": "paid"})[0] == 400
    assert order(type="line_item", count=1, of=invoice)[0] == 400

    assert sandbox.objects("invoice") == [{"id": invoice, "object": "invoice", "deleted": True}]
    sandbox.delete("coupon", "SPRING")
    assert order(type="coupon", count=1, values={"id": "SPRING"})[0] == 200
    assert [each.id for each in official(sandbox).v1.coupons.list().data] == ["SPRING"]


def test_the_balance_is_without_a_deleted_balance_transaction(sandbox: Sandbox) -> None:
    [kept, gone] = sandbox.make("balance_transaction", 2)
    requests.post(f"{sandbox.url}/_sandbox/objects", json={"type": "balance_transaction", "delete": gone}, timeout=10)

    shown = official(sandbox).v1.balance.retrieve()

    assert shown.available[0].amount == official(sandbox).v1.balance_transactions.retrieve(kept).net


def test_an_object_has_the_values_that_are_given(sandbox: Sandbox) -> None:
    def make(**order: object) -> Any:  # Any: JSON
        answer = requests.post(f"{sandbox.url}/_sandbox/objects", json={"count": 1, **order}, timeout=10)
        return answer.json()["ids"][0]

    customer = make(type="customers", values={"email": "grace@example.com"})
    invoice = make(type="invoice", values={"customer": customer, "status_transitions": {"paid_at": 5}})
    there = make(type="invoice", account=CONNECTED)

    client = official(sandbox).v1
    assert client.customers.retrieve(customer).email == "grace@example.com"
    shown = client.invoices.retrieve(invoice, {"expand": ["customer"]})
    assert (shown.customer.id, shown.status_transitions.paid_at) == (customer, 5)
    assert shown.status_transitions.voided_at is None
    assert [each.id for each in official(sandbox, CONNECTED).v1.invoices.list().data] == [there]


@pytest.mark.parametrize("row", [each for each in READ_ONLY_LISTS if each.time], ids=lambda row: row.noun)
@pytest.mark.parametrize("seconds", [-TWO_DAYS_S, TWO_DAYS_S])
def test_the_list_has_an_object_at_the_time_that_it_was_given(row: ReadOnlyList, seconds: int, shop: Sandbox) -> None:
    assert row.time
    at = shop.clock() + seconds
    order = {"type": row.noun, "count": 1, "values": {row.time: at}}
    ids = requests.post(f"{shop.url}/_sandbox/objects", json=order, timeout=10).json()["ids"]

    params = {"created[gte]": at, "created[lt]": at + 1}
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    shown = requests.get(f"{shop.url}{row.path}", params=params, headers=headers, timeout=10).json()["data"]

    assert set(ids) <= {each["id"] for each in shown}
    assert {each[row.time] for each in shown} <= {at}


@pytest.mark.parametrize("name", ["card", "bank_account"])
def test_a_type_of_several_lists_needs_a_parent_or_a_stream(name: str, shop: Sandbox) -> None:
    with pytest.raises(ValueError, match="external_accounts, payment_sources"):
        shop.make(name)


def test_what_a_call_moves_has_its_balance_transaction(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    direct, held = a_charge(client, amount=900), a_charge(client, amount=800, capture=False)
    assert held.balance_transaction is None
    by_intent = client.charges.retrieve(a_payment(client, amount=700).latest_charge)
    captured = client.charges.capture(held.id, {"amount": 500})
    refund = client.refunds.create({"charge": direct.id, "amount": 300})
    [rest] = client.refunds.list({"charge": held.id}).data
    assert rest.balance_transaction is None  # the money was only held

    shown = everything(client.balance_transactions)
    sandbox.advance(TWO_DAYS_S)
    later = everything(client.balance_transactions)

    moved = {(each["source"], each["id"]): each["amount"] for each in shown}
    sources = [(direct, 900), (by_intent, 700), (captured, 500), (refund, -300)]
    assert moved == {(each.id, each.balance_transaction): amount for each, amount in sources}
    assert {each["status"] for each in shown} == {"pending"}
    assert {each["status"] for each in later} == {"available"}
    assert [each.amount for each in client.balance.retrieve().available] == [900 + 700 + 500 - 300]
