"""Idempotency keys as the official client meets them; https://docs.stripe.com/api/idempotent_requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_payment
from tests.support.sandbox import CONNECTED, Sandbox

DAY_S = 24 * 60 * 60


def keyed(key: str, **more: str) -> dict[str, str]:
    return {"idempotency_key": key, **more}


def test_the_same_key_replays_the_first_answer_and_charges_once(client: Any) -> None:
    first = a_charge(client, transfer_group="replay", options=keyed("replay"))

    second = a_charge(client, transfer_group="replay", options=keyed("replay"))

    assert second.to_dict() == first.to_dict()
    assert len(client.charges.list({"transfer_group": "replay"}).data) == 1
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert first.last_response.headers["Idempotency-Key"] == "replay"


def test_a_decline_is_replayed_and_leaves_one_failed_charge(client: Any, shared: Sandbox) -> None:
    named = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            a_charge(client, source="tok_chargeDeclined", metadata={"k": "declined"}, options=keyed("declined"))
        named.append(declined.value.json_body["error"]["charge"])

    assert named[0] == named[1]
    assert sum(each["metadata"].get("k") == "declined" for each in shared.objects("charge")) == 1


def test_a_payment_and_a_price_are_made_once_per_key(client: Any, shared: Sandbox) -> None:
    paid = [a_payment(client, transfer_group="once", options=keyed("pay")).id for _ in range(2)]
    priced = [
        client.prices.create(
            {"currency": "usd", "unit_amount": 5, "nickname": "once", "product_data": {"name": "Chair"}}, keyed("price")
        ).id
        for _ in range(2)
    ]

    assert (paid[0], priced[0]) == (paid[1], priced[1])
    for kind in ("payment_intent", "charge"):
        assert sum(each["transfer_group"] == "once" for each in shared.objects(kind)) == 1
    assert sum(each["nickname"] == "once" for each in shared.objects("price")) == 1


def test_a_payment_is_not_captured_or_confirmed_twice_by_one_key(client: Any) -> None:
    held = a_payment(client, capture_method="manual")

    captured = [client.payment_intents.capture(held.id, {}, keyed("capture")).status for _ in range(2)]

    assert captured == ["succeeded"] * 2


def test_the_same_key_with_other_parameters_is_refused(client: Any) -> None:
    a_charge(client, options=keyed("params"))

    with pytest.raises(stripe.IdempotencyError) as refused:
        a_charge(client, amount=1001, options=keyed("params"))

    assert refused.value.http_status == 400
    assert refused.value.json_body["error"]["type"] == "idempotency_error"


def test_the_same_key_on_another_path_is_refused(client: Any) -> None:
    a_customer(client)
    client.customers.create({"name": "Ada"}, keyed("path"))

    with pytest.raises(stripe.IdempotencyError):
        client.products.create({"name": "Ada"}, keyed("path"))


def test_a_refused_parameter_stores_nothing(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        a_charge(client, amount="much", options=keyed("mended"))

    assert a_charge(client, options=keyed("mended")).status == "succeeded"


def test_a_request_with_a_wrong_api_key_stores_nothing(shared: Sandbox, client: Any) -> None:
    with pytest.raises(stripe.AuthenticationError):
        a_charge(a_client(shared, key="sk_test_wrong"), options=keyed("unknown"))

    assert a_charge(client, options=keyed("unknown")).last_response.headers.get("Idempotent-Replayed") is None


def test_a_key_of_256_characters_is_refused(client: Any) -> None:
    assert a_charge(client, options=keyed("k" * 255)).status == "succeeded"

    with pytest.raises(stripe.InvalidRequestError):
        a_charge(client, options=keyed("k" * 256))


def test_each_account_has_keys_of_its_own(shared: Sandbox, client: Any) -> None:
    here = a_charge(client, options=keyed("both"))

    there = a_charge(client, options=keyed("both", stripe_account=CONNECTED))

    assert here.id != there.id
    assert [each["id"] for each in shared.objects("charge", CONNECTED)] == [there.id]


def test_updates_and_refunds_take_keys_too(client: Any) -> None:
    charge = a_charge(client)

    refunds = [client.refunds.create({"charge": charge.id, "amount": 1}, keyed("refund")).id for _ in range(2)]

    assert refunds[0] == refunds[1]


def test_the_same_key_while_the_first_still_runs_is_a_409(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    sandbox.faults({"name": "slow", "match": {"method": "POST"}, "times": 1, "action": {"kind": "hold"}})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(a_charge, client, options=keyed("clash"))
        sandbox.wait_until_held("slow")

        with pytest.raises(stripe.APIError) as clash:
            a_charge(client, options=keyed("clash"))

        sandbox.release("slow")
        made = first.result(timeout=30)
    assert (clash.value.http_status, clash.value.json_body["error"]["code"]) == (409, "idempotency_key_in_use")
    assert a_charge(client, options=keyed("clash")).id == made.id
    assert len(sandbox.objects("charge")) == 1


def test_a_key_is_forgotten_after_24_hours_of_the_sandboxs_clock(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    first = a_charge(client, options=keyed("old"))

    sandbox.set_clock(first.created + DAY_S - 60)
    alive = a_charge(client, options=keyed("old"))
    sandbox.set_clock(first.created + DAY_S + 1)
    forgotten = a_charge(client, options=keyed("old"))

    assert alive.id == first.id
    assert forgotten.id != first.id
    assert len(sandbox.objects("charge")) == 2
