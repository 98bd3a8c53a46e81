"""Lists as the official client reads them: order, cursors, windows of `created`, filters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def charges(seeded_sandbox: Sandbox) -> list[dict[str, Any]]:
    """All seeded charges, newest first."""
    return seeded_sandbox.objects("charge")[::-1]


@pytest.fixture(scope="module")
def reader(seeded_sandbox: Sandbox) -> Any:  # Any: see a_client
    return a_client(seeded_sandbox)


def ids(found: Any) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize("noun", ["charge", "refund", "customer", "payment_method", "product"])
@pytest.mark.parametrize("limit", [3, 100])
def test_auto_paging_gives_each_object_once_newest_first(
    seeded_sandbox: Sandbox, reader: Any, noun: str, limit: int
) -> None:
    service = getattr(reader, f"{noun}s")

    found = list(service.list({"limit": limit}).auto_paging_iter())

    assert ids(found) == [each["id"] for each in seeded_sandbox.objects(noun)][::-1]
    assert all(newer.created >= older.created for newer, older in pairwise(found))


def test_many_seeded_charges_share_a_second(charges: list[dict[str, Any]]) -> None:
    ties = sum(newer["created"] == older["created"] for newer, older in pairwise(charges))

    assert ties > 30


def test_a_page_has_ten_objects_by_default(reader: Any) -> None:
    page = reader.charges.list()

    assert (len(page.data), page.has_more, page.url) == (10, True, "/v1/charges")


def test_ending_before_gives_the_page_just_newer_than_an_object(reader: Any, charges: list[dict[str, Any]]) -> None:
    page = reader.charges.list({"limit": 5, "ending_before": charges[20]["id"]})
    first = reader.charges.list({"limit": 5, "ending_before": charges[3]["id"]})

    assert ids(page.data) == [each["id"] for each in charges[15:20]]
    assert page.has_more
    assert ids(first.data) == [each["id"] for each in charges[:3]]
    assert not first.has_more


def test_auto_paging_goes_backwards_with_ending_before(reader: Any, charges: list[dict[str, Any]]) -> None:
    last = charges[-1]["id"]

    found = reader.charges.list({"limit": 100, "ending_before": last}).auto_paging_iter()

    assert ids(found) == [each["id"] for each in reversed(charges[:-1])]


@pytest.mark.parametrize("lower", ["gt", "gte"])
@pytest.mark.parametrize("upper", ["lt", "lte"])
@pytest.mark.parametrize("oldest", [0, 57, 150])
def test_created_bounds_a_window(
    reader: Any, charges: list[dict[str, Any]], lower: str, upper: str, oldest: int
) -> None:
    seconds = sorted(each["created"] for each in charges)
    start, end = seconds[oldest], seconds[oldest + 100]
    holds = {
        "gt": lambda second: second > start,
        "gte": lambda second: second >= start,
        "lt": lambda second: second < end,
        "lte": lambda second: second <= end,
    }

    window = {"limit": 20, "created": {lower: start, upper: end}}
    found = reader.charges.list(window).auto_paging_iter()

    assert ids(found) == [
        each["id"] for each in charges if holds[lower](each["created"]) and holds[upper](each["created"])
    ]


def test_created_may_be_one_second(reader: Any, charges: list[dict[str, Any]]) -> None:
    second = next(new["created"] for new, old in pairwise(charges) if new["created"] == old["created"])

    found = reader.charges.list({"limit": 100, "created": second}).auto_paging_iter()

    assert ids(found) == [each["id"] for each in charges if each["created"] == second]


def test_charges_are_filtered_by_customer(reader: Any, charges: list[dict[str, Any]]) -> None:
    customer = next(each["customer"] for each in charges if each["customer"])

    found = reader.charges.list({"customer": customer, "limit": 2}).auto_paging_iter()

    assert ids(found) == [each["id"] for each in charges if each["customer"] == customer]


def test_charges_are_filtered_by_transfer_group_and_customer_together(client: Any) -> None:
    customer = a_customer(client)
    mine = a_charge(client, customer=customer.id, source=None, transfer_group="group")
    a_charge(client, customer=customer.id, source=None)
    a_charge(client, transfer_group="group")

    found = client.charges.list({"customer": customer.id, "transfer_group": "group"})

    assert ids(found.data) == [mine.id]
    assert client.charges.list({"payment_intent": "pi_none"}).data == []


def test_refunds_are_filtered_by_charge(seeded_sandbox: Sandbox, reader: Any) -> None:
    refund = seeded_sandbox.objects("refund")[0]

    assert ids(reader.refunds.list({"charge": refund["charge"]}).data) == [refund["id"]]
    assert reader.refunds.list({"payment_intent": "pi_none"}).data == []


def test_an_old_charges_refund_is_listed_by_its_own_created(client: Any, shared: Sandbox) -> None:
    charge = a_charge(client)
    refund = client.refunds.create({"charge": charge.id})

    assert ids(client.refunds.list({"created": {"gte": refund.created}}).data)[0] == refund.id
    assert shared.objects("refund")[-1]["charge"] == charge.id


def test_customers_are_found_by_exact_email_and_there_may_be_several(client: Any) -> None:
    same = [a_customer(client, email="twin@example.com").id for _ in range(2)]
    a_customer(client, email="Twin@example.com")

    assert ids(client.customers.list({"email": "twin@example.com"}).data) == same[::-1]


def test_a_changed_email_moves_the_customer_in_the_filter(client: Any) -> None:
    made = a_customer(client, email="before@example.com")
    client.customers.list({"email": "before@example.com"})

    client.customers.update(made.id, {"email": "after@example.com"})

    assert client.customers.list({"email": "before@example.com"}).data == []
    assert ids(client.customers.list({"email": "after@example.com"}).data) == [made.id]


def test_products_are_filtered_by_ids_and_activity(client: Any) -> None:
    on, off = (client.products.create({"name": "Chair", "active": active}) for active in (True, False))

    assert ids(client.products.list({"ids": [on.id, off.id]}).data) == [off.id, on.id]
    assert ids(client.products.list({"ids": [on.id, off.id], "active": True}).data) == [on.id]
    assert off.id not in ids(client.products.list({"active": True, "type": "service", "limit": 100}).data)


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_a_limit_outside_1_to_100_is_refused(reader: Any, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        reader.charges.list({"limit": limit})

    assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "limit")


def test_a_list_takes_no_order(reader: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        reader.charges.list({"order": "asc"})

    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "order")


def test_a_cursor_whose_object_was_deleted_meanwhile_fails(client: Any) -> None:
    made = a_customer(client)
    client.customers.delete(made.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.customers.list({"starting_after": made.id})

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        "resource_missing",
        "starting_after",
    )


def test_two_cursors_at_once_are_refused(reader: Any, charges: list[dict[str, Any]]) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        reader.charges.list({"starting_after": charges[0]["id"], "ending_before": charges[1]["id"]})

    assert refused.value.code == "parameters_exclusive"


def test_paging_reads_each_object_once_while_new_ones_arrive(client: Any) -> None:
    before = {a_charge(client, transfer_group="paged").id for _ in range(7)}
    pages = client.charges.list({"transfer_group": "paged", "limit": 2}).auto_paging_iter()

    first = next(pages).id
    a_charge(client, transfer_group="paged")

    assert sorted([first, *ids(pages)]) == sorted(before)


def test_expand_puts_the_customer_into_each_charge_of_a_list(reader: Any) -> None:
    page = reader.charges.list({"limit": 50, "expand": ["data.customer"]})

    whole = [each.customer for each in page.data if each.customer is not None]
    assert whole
    assert all(each.object == "customer" and each.email for each in whole)


def test_expand_reaches_through_a_refund_to_the_charges_customer(client: Any) -> None:
    charge = a_charge(client, customer=a_customer(client, name="Ada").id, source=None)
    refund = client.refunds.create({"charge": charge.id})

    found = client.refunds.retrieve(refund.id, {"expand": ["charge.customer", "charge.refunds"]})

    assert found.charge.customer.name == "Ada"
    assert ids(found.charge.refunds.data) == [refund.id]


def test_a_charge_shows_its_ten_newest_refunds_when_expanded_and_the_rest_has_its_own_list(client: Any) -> None:
    charge = a_charge(client)
    refunds = [client.refunds.create({"charge": charge.id, "amount": 1}).id for _ in range(12)][::-1]

    plain = client.charges.retrieve(charge.id)
    shown = client.charges.retrieve(charge.id, {"expand": ["refunds"]}).refunds

    assert "refunds" not in plain.to_dict()
    assert (ids(shown.data), shown.has_more) == (refunds[:10], True)
    assert ids(shown.auto_paging_iter()) == refunds


def test_a_field_that_cannot_be_expanded_is_refused(reader: Any, charges: list[dict[str, Any]]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        reader.charges.retrieve(charges[0]["id"], {"expand": ["amount"]})

    assert reader.charges.retrieve(charges[0]["id"], {"expand": ["balance_transaction"]}).id == charges[0]["id"]
