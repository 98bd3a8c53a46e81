"""A seed is a past: the same for the same seed, moved along with the clock."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from stripe_flow_sandbox.past.past import Past
from tests.stripe_flow_sandbox.builders import a_client
from tests.stripe_flow_sandbox.description import differences
from tests.support.sandbox import Sandbox

NOW, DAY_S = 1_700_000_000, 86_400
NOUNS = ("charge", "refund", "customer", "product")


def a_past(*options: str) -> dict[str, list[dict[str, Any]]]:
    with Sandbox("--charges", "40", "--days", "5", *options) as sandbox:
        return {noun: sandbox.objects(noun) for noun in NOUNS}


def test_the_same_seed_gives_the_same_objects() -> None:
    assert a_past("--seed", "7", "--now", str(NOW)) == a_past("--seed", "7", "--now", str(NOW))


def test_another_seed_gives_other_objects() -> None:
    ours, theirs = (a_past("--seed", seed, "--now", str(NOW)) for seed in ("7", "8"))

    for noun in NOUNS:
        assert not {each["id"] for each in ours[noun]} & {each["id"] for each in theirs[noun]}


def test_another_now_moves_the_same_objects() -> None:
    ours, theirs = a_past("--now", str(NOW))["charge"], a_past("--now", str(NOW + 50))["charge"]

    assert [each["id"] for each in ours] == [each["id"] for each in theirs]
    assert [each["created"] + 50 for each in ours] == [each["created"] for each in theirs]


def test_a_past_lies_within_its_days_and_holds_together(seeded_sandbox: Sandbox) -> None:
    now = seeded_sandbox.clock()
    charges = {each["id"]: each for each in seeded_sandbox.objects("charge")}
    customers = {each["id"]: each for each in seeded_sandbox.objects("customer")}
    refunds = seeded_sandbox.objects("refund")

    assert len(charges) == 300
    assert all(now - 31 * DAY_S < each["created"] < now for each in charges.values())
    assert {each["status"] for each in charges.values()} == {"succeeded", "failed"}
    for charge in charges.values():
        assert charge["customer"] is None or customers[charge["customer"]]["created"] <= charge["created"]
    for refund in refunds:
        assert charges[refund["charge"]]["amount_refunded"] == refund["amount"]
        assert charges[refund["charge"]]["created"] <= refund["created"] < now
    assert sum(each["amount_refunded"] > 0 for each in charges.values()) == len(refunds)


def test_what_a_past_moved_has_its_balance_transactions(seeded_sandbox: Sandbox) -> None:
    client = a_client(seeded_sandbox)
    kinds = ("balance_transaction", "charge", "refund")
    moved, charges, refunds = ({one["id"]: one for one in seeded_sandbox.objects(kind)} for kind in kinds)

    expected = {each["balance_transaction"]: each["amount"] for each in charges.values() if each["paid"]}
    expected |= {each["balance_transaction"]: -each["amount"] for each in refunds.values()}
    assert {each["id"]: each["amount"] for each in moved.values()} == expected
    assert [each["created"] for each in moved.values()] == sorted(each["created"] for each in moved.values())
    assert list(differences(list(moved.values()))) == []
    for object_id in [*list(moved)[:5], *list(moved)[-5:]]:
        found = client.balance_transactions.retrieve(object_id, {"expand": ["source"]})
        assert found.source.balance_transaction == object_id
        [same] = client.balance_transactions.list({"source": found.source.id, "type": found.source.object}).data
        assert same.id == object_id


def test_density_is_uneven_and_one_second_can_hold_more_than_a_page() -> None:
    past = Past("seed", 3000, 30, NOW)

    per_day = Counter((second - NOW) // DAY_S for second in past.created)
    per_second = Counter(past.created)

    assert list(past.created) == sorted(past.created)
    assert max(per_day.values()) > 3 * sorted(per_day.values())[len(per_day) // 2 - 1]
    assert max(per_second.values()) > 100
    assert sum(older == newer for older, newer in pairwise(past.created)) > 300


@pytest.mark.parametrize("count", [1, 2, 7, 11])
def test_a_small_past_is_complete(count: int) -> None:
    with Sandbox("--charges", str(count)) as sandbox:
        client = a_client(sandbox)

        assert len(client.charges.list({"limit": 100}).data) == count
        assert client.customers.list().data


def test_a_seeded_object_can_be_changed_and_filters_follow() -> None:
    with Sandbox("--charges", "50") as sandbox:
        client = a_client(sandbox)
        paid = next(each for each in client.charges.list({"limit": 50}).data if each.paid and not each.amount_refunded)
        customer = client.customers.list({"limit": 1}).data[0]

        refund = client.refunds.create({"charge": paid.id})
        client.customers.update(customer.id, {"email": "moved@example.com"})

        assert client.charges.retrieve(paid.id).refunded
        assert [each.id for each in client.refunds.list({"charge": paid.id}).data] == [refund.id]
        assert [each.id for each in client.customers.list({"email": "moved@example.com"}).data] == [customer.id]
        assert client.customers.list({"email": customer.email}).data == []
        client.customers.delete(customer.id)
        assert client.customers.retrieve(customer.id).deleted
        assert customer.id not in [each.id for each in client.customers.list({"limit": 100}).data]


def test_official_auto_paging_gives_each_of_thousands_of_tied_charges_once() -> None:
    with Sandbox("--seed", "3", "--charges", "5000") as sandbox:
        found = [each.id for each in a_client(sandbox).charges.list({"limit": 100}).auto_paging_iter()]

        assert found == [each["id"] for each in sandbox.objects("charge")][::-1]
    assert len(set(found)) == 5000
