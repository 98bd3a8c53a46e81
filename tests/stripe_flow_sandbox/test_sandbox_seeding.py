"""A seed is a past: the same for the same seed, moved along with the clock."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_sandbox.past.density import Density
from stripe_flow_sandbox.past.past import Past
from tests.stripe_flow_sandbox.builders import a_client
from tests.stripe_flow_sandbox.description import differences
from tests.support.sandbox import Sandbox

NOW, DAY_S = 1_700_000_000, 86_400
DENSITIES = get_args(Density)
NOUNS = ("charge", "refund", "customer", "product")


def a_past(*options: str) -> dict[str, list[dict[str, Any]]]:
    with Sandbox("--charges", "40", "--days", "5", *options) as sandbox:
        return {noun: sandbox.objects(noun) for noun in NOUNS}


@pytest.mark.parametrize("density", DENSITIES)
def test_the_same_seed_gives_the_same_objects(density: Density) -> None:
    options = ("--density", density, "--seed", "7", "--now", str(NOW))

    assert a_past(*options) == a_past(*options)


def test_another_seed_gives_other_objects() -> None:
    ours, theirs = (a_past("--seed", seed, "--now", str(NOW)) for seed in ("7", "8"))

    for noun in NOUNS:
        assert not {each["id"] for each in ours[noun]} & {each["id"] for each in theirs[noun]}


@pytest.mark.parametrize("density", DENSITIES)
def test_another_now_moves_the_same_objects(density: Density) -> None:
    ours, theirs = (a_past("--density", density, "--now", str(now))["charge"] for now in (NOW, NOW + 50))

    assert [each["id"] for each in ours] == [each["id"] for each in theirs]
    assert [each["created"] + 50 for each in ours] == [each["created"] for each in theirs]


@pytest.mark.parametrize("density", DENSITIES)
def test_a_past_lies_within_its_days_and_holds_together(density: Density) -> None:
    with Sandbox("--seed", "1", "--charges", "300", "--days", "30", "--density", density) as sandbox:
        now = sandbox.clock()
        kinds = ("charge", "customer", "refund")
        charges, customers, by_refund = ({one["id"]: one for one in sandbox.objects(kind)} for kind in kinds)
        refunds = by_refund.values()

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


def test_even_density_has_busy_days_and_one_second_can_hold_more_than_a_page() -> None:
    past = Past("seed", 3000, 30, NOW)

    per_day = Counter((second - NOW) // DAY_S for second in past.created)
    per_second = Counter(past.created)

    assert list(past.created) == sorted(past.created)
    assert max(per_day.values()) > 3 * sorted(per_day.values())[len(per_day) // 2 - 1]
    assert max(per_second.values()) > 100
    assert sum(older == newer for older, newer in pairwise(past.created)) > 300


def sold_and_billed(count: int, days: int) -> tuple[list[int], list[int]]:
    """The seconds of a bursty past: those that hold few charges, and those that hold a billing run."""
    counts = Counter(Past("seed", count, days, NOW, "bursty").created)
    sold = [second for second, many in counts.items() for _ in range(many) if many < 20]
    return sold, [many for many in counts.values() if many >= 20]


def test_bursty_density_grows_and_has_nights_weekends_and_days_of_sales() -> None:
    sold, _ = sold_and_billed(200_000, 700)
    start = NOW - 700 * DAY_S
    per_hour = Counter((second - start) % DAY_S // 3600 for second in sold)
    per_day = Counter((second - start) // DAY_S for second in sold)
    weekdays = sorted(median(per_day[day] for day in range(first, 700, 7)) for first in range(7))
    # A day's usual sales are those of the same weekday in the weeks around.
    usual = {day: median(per_day[day + 7 * week] for week in range(-3, 4)) for day in range(21, 679)}

    assert 2 * sum(second < start + 350 * DAY_S for second in sold) < 0.75 * len(sold)
    assert 5 * max(per_hour[hour] for hour in range(6)) < min(per_hour[hour] for hour in range(8, 22))
    assert 2 * weekdays[1] < weekdays[2]
    assert 6 <= sum(per_day[day] > 6 * count for day, count in usual.items()) <= 8


def test_billing_runs_of_a_bursty_past_put_hundreds_of_charges_into_one_or_two_seconds() -> None:
    _, billed = sold_and_billed(100_000, 700)

    assert max(billed) > 500
    assert 0.1 * 100_000 < sum(billed) < 0.2 * 100_000


@pytest.mark.parametrize("density", DENSITIES)
@given(count=st.integers(1, 3000), days=st.integers(1, 900), label=st.text(max_size=3))
def test_a_past_of_any_size_is_complete_in_order_and_within_its_days(
    density: Density, count: int, days: int, label: str
) -> None:
    past = Past(label, count, days, NOW, density)

    assert len(past.created) == count
    assert list(past.created) == sorted(past.created)
    assert NOW - days * DAY_S <= past.created[0]
    assert past.created[-1] < NOW


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("count", [1, 2, 7, 11])
def test_a_small_past_is_complete(count: int, density: Density) -> None:
    with Sandbox("--charges", str(count), "--density", density) as sandbox:
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


@pytest.mark.parametrize("density", DENSITIES)
def test_official_auto_paging_gives_each_of_thousands_of_tied_charges_once(density: Density) -> None:
    with Sandbox("--seed", "3", "--charges", "5000", "--density", density) as sandbox:
        found = [each.id for each in a_client(sandbox).charges.list({"limit": 100}).auto_paging_iter()]

        assert found == [each["id"] for each in sandbox.objects("charge")][::-1]
    assert len(set(found)) == 5000


@pytest.mark.parametrize("density", DENSITIES)
def test_each_second_of_a_past_lists_its_charges(density: Density) -> None:
    with Sandbox("--seed", "3", "--charges", "2000", "--density", density) as sandbox:
        held = Counter(each["created"] for each in sandbox.objects("charge"))
        for second, count in held.most_common(3):
            listed = a_client(sandbox).charges.list({"created": {"gte": second, "lt": second + 1}, "limit": 100})

            assert sum(each.created == second for each in listed.auto_paging_iter()) == count
