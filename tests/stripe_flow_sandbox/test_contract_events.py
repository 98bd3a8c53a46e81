"""Events as the official client reads them; https://docs.stripe.com/api/events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_keys_file, a_payment, a_price
from tests.support.sandbox import PLATFORM, Sandbox

DAY_S = 24 * 60 * 60


def events_of(client: Any, object_id: str) -> dict[str, Any]:
    """The events about an object, by type."""
    events = client.events.list({"limit": 100}).auto_paging_iter()
    return {each.type: each for each in events if each.data.object.id == object_id}


def test_each_change_of_a_charge_has_an_event_with_the_charge(client: Any) -> None:
    charge = a_charge(client, capture=False)
    client.charges.capture(charge.id)
    client.charges.update(charge.id, {"description": "changed"})
    client.refunds.create({"charge": charge.id})

    events = events_of(client, charge.id)

    assert set(events) == {"charge.succeeded", "charge.captured", "charge.updated", "charge.refunded"}
    assert all(each.data.object.object == "charge" for each in events.values())
    assert events["charge.refunded"].data.object.amount_refunded == 1000
    assert not events["charge.succeeded"].data.object.captured
    assert events["charge.updated"].data.previous_attributes.to_dict() == {"description": None}


def test_a_decline_emits_charge_failed(client: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_charge(client, source="tok_chargeDeclined")

    assert set(events_of(client, declined.value.json_body["error"]["charge"])) == {"charge.failed"}


def test_a_payment_has_events_with_the_payment_intent_and_its_charge(client: Any) -> None:
    held = a_payment(client, capture_method="manual")
    client.payment_intents.capture(held.id)

    events, of_charge = events_of(client, held.id), events_of(client, held.latest_charge)

    steps = ("created", "amount_capturable_updated", "succeeded")
    assert set(events) == {f"payment_intent.{step}" for step in steps}
    assert set(of_charge) == {"charge.succeeded", "charge.captured"}
    assert events["payment_intent.amount_capturable_updated"].data.object.status == "requires_capture"
    assert events["payment_intent.succeeded"].data.object.amount_received == 1000


def test_declined_and_canceled_payments_have_events(client: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_payment(client, payment_method="pm_card_chargeDeclined")
    error = declined.value.json_body["error"]
    waiting = a_payment(
        client, payment_method="pm_card_authenticationRequired", off_session=None, error_on_requires_action=None
    )
    client.payment_intents.cancel(waiting.id)

    assert set(events_of(client, error["payment_intent"]["id"])) == {
        "payment_intent.created",
        "payment_intent.payment_failed",
    }
    assert set(events_of(client, error["charge"])) == {"charge.failed"}
    assert set(events_of(client, waiting.id)) == {
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    }


def test_changes_of_payment_methods_and_prices_have_events(client: Any) -> None:
    customer, price = a_customer(client, source=None), a_price(client)
    method = client.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.payment_methods.detach(method.id)
    client.prices.update(price.id, {"nickname": "new"})

    assert set(events_of(client, method.id)) == {"payment_method.attached", "payment_method.detached"}
    assert set(events_of(client, price.id)) == {"price.created", "price.updated"}
    assert set(events_of(client, price.product)) == {"product.created"}


def test_changes_of_a_refund_have_events_including_charge_refund_updated(client: Any) -> None:
    refund = client.refunds.create({"charge": a_charge(client).id})
    client.refunds.update(refund.id, {"metadata": {"a": "1"}})

    events = events_of(client, refund.id)

    assert set(events) == {"refund.created", "refund.updated", "charge.refund.updated"}
    assert {each.data.object.object for each in events.values()} == {"refund"}


def test_changes_of_customers_and_products_have_events(client: Any) -> None:
    customer, product = a_customer(client), client.products.create({"name": "Chair"})
    client.customers.update(customer.id, {"name": "Ada"})
    client.products.update(product.id, {"name": "Stool"})
    client.customers.delete(customer.id)
    client.products.delete(product.id)

    steps = ("created", "updated", "deleted")
    assert set(events_of(client, customer.id)) == {f"customer.{step}" for step in steps}
    assert set(events_of(client, product.id)) == {f"product.{step}" for step in steps}


def test_an_update_that_changes_nothing_has_no_event(client: Any) -> None:
    customer = a_customer(client, name="Ada")

    client.customers.update(customer.id, {"name": "Ada"})

    assert set(events_of(client, customer.id)) == {"customer.created"}


def test_an_event_names_the_request_and_its_idempotency_key(client: Any) -> None:
    made = a_charge(client, options={"idempotency_key": "event-key"})

    event = events_of(client, made.id)["charge.succeeded"]

    assert event.request.idempotency_key == "event-key"
    assert event.request.id == made.last_response.headers["Request-Id"]
    assert client.events.retrieve(event.id).to_dict() == event.to_dict()


def test_events_are_filtered_by_type_by_types_and_by_the_beginning_of_a_type(client: Any) -> None:
    a_charge(client)
    a_customer(client)
    with pytest.raises(stripe.CardError):
        a_charge(client, source="tok_chargeDeclined")

    def types(**filters: object) -> set[str]:
        return {each.type for each in client.events.list({"limit": 100, **filters}).auto_paging_iter()}

    assert types(type="customer.created") == {"customer.created"}
    assert types(types=["customer.created", "charge.succeeded"]) == {"customer.created", "charge.succeeded"}
    assert {"charge.succeeded", "charge.failed"} <= types(type="charge.*")
    assert all(name.startswith("charge.") for name in types(type="charge.*"))
    assert types(type="payout.*") == set()


def test_types_are_read_newest_first_each_event_once(client: Any, shared: Sandbox) -> None:
    wanted = ["charge.succeeded", "customer.created", "product.created"]

    found = [each.id for each in client.events.list({"types": wanted, "limit": 3}).auto_paging_iter()]

    assert found == [each["id"] for each in shared.objects("event") if each["type"] in wanted][::-1]


@pytest.mark.parametrize("filters", [{"types": ["a"] * 21}, {"type": "charge.*", "types": ["charge.failed"]}])
def test_too_many_types_or_both_ways_of_asking_are_refused(client: Any, filters: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.events.list(filters)


def test_events_cannot_be_expanded(client: Any) -> None:
    a_charge(client)

    with pytest.raises(stripe.InvalidRequestError):
        client.events.list({"expand": ["data.data"]})


def test_no_order_is_kept_inside_one_second(client: Any, shared: Sandbox) -> None:
    made = [a_customer(client, email="order@example.com").id for _ in range(40)]

    events = [each["data"]["object"]["id"] for each in shared.objects("event") if each["data"]["object"]["id"] in made]

    assert sorted(events) == sorted(made)
    assert events != made


def test_events_are_kept_for_30_days(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    charge = a_charge(client)
    event = client.events.list({"type": "charge.succeeded"}).data[0]

    sandbox.set_clock(event.created + 30 * DAY_S - 60)
    assert client.events.retrieve(event.id).id == event.id
    sandbox.set_clock(event.created + 30 * DAY_S + 1)

    assert client.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as expired:
        client.events.retrieve(event.id)
    assert expired.value.http_status == 404
    assert client.charges.retrieve(charge.id).id == charge.id


def test_a_payload_is_written_in_the_accounts_version_not_in_the_one_asked_for(tmp_path: Path) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {"api_version": "2020-08-27"}}, {Sandbox.key: {}})

    with Sandbox("--keys", keys) as sandbox:
        client = a_client(sandbox)
        charge = a_charge(client)
        event = client.events.list({"type": "charge.*"}).data[0]

        assert event.api_version == "2020-08-27"
        assert event.data.object.refunds.data == []
        assert "invoice" in event.data.object.to_dict()
        assert "refunds" not in client.charges.retrieve(charge.id).to_dict()
