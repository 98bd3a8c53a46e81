"""Money as the official client moves it: charges, declines, capture, refunds."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_keys_file
from tests.support.sandbox import PLATFORM, Sandbox

# token: code, decline_code
DECLINES = {
    "tok_chargeDeclined": ("card_declined", "generic_decline"),
    "tok_chargeDeclinedFraudulent": ("card_declined", "fraudulent"),
    "tok_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "tok_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "tok_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc"),
    "tok_chargeDeclinedProcessingError": ("processing_error", "processing_error"),
}


@pytest.mark.parametrize(
    ("token", "brand"), [("tok_visa", "visa"), ("tok_mastercard", "mastercard"), ("tok_amex", "amex")]
)
def test_a_test_token_pays(client: Any, token: str, brand: str) -> None:
    made = a_charge(client, source=token)

    assert (made.status, made.paid, made.captured, made.amount_captured) == ("succeeded", True, True, 1000)
    assert made.payment_method_details.card.brand.startswith(brand[:4])


@pytest.mark.parametrize("token", DECLINES)
def test_a_decline_is_a_card_error_that_names_the_failed_charge(client: Any, token: str) -> None:
    with pytest.raises(stripe.CardError) as declined:
        a_charge(client, source=token, metadata={"row": "7"})

    error = declined.value.json_body["error"]
    failed = client.charges.retrieve(error["charge"])
    assert (declined.value.http_status, error["type"]) == (402, "card_error")
    assert (declined.value.code, error["decline_code"]) == DECLINES[token]
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, DECLINES[token][0])
    assert failed.metadata["row"] == "7"
    assert client.charges.list({"limit": 1}).data[0].id == failed.id


def test_a_saved_card_pays_by_customer_alone_and_by_its_own_id(client: Any) -> None:
    customer = a_customer(client)

    by_default = a_charge(client, customer=customer.id, source=None)
    by_card = a_charge(client, customer=customer.id, source=customer.default_source)

    assert by_default.source.id == by_card.source.id == customer.default_source
    assert by_default.customer == customer.id


def test_a_seeded_customers_card_pays(seeded_sandbox: Sandbox) -> None:
    client = a_client(seeded_sandbox)
    customer = client.customers.list({"limit": 1}).data[0]

    assert a_charge(client, customer=customer.id, source=None).source.id == customer.default_source


def test_a_card_that_fails_later_can_be_saved_and_is_declined_when_charged(client: Any) -> None:
    customer = a_customer(client, source="tok_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as declined:
        a_charge(client, customer=customer.id, source=None)

    assert declined.value.code == "card_declined"


def test_a_card_that_is_declined_cannot_be_saved(client: Any) -> None:
    with pytest.raises(stripe.CardError):
        a_customer(client, source="tok_chargeDeclined", email="unsaved@example.com")

    assert client.customers.list({"email": "unsaved@example.com"}).data == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"source": None}, "parameter_missing", None),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"currency": "kwd", "amount": 1001}, None, "amount"),
        ({"currency": "ugx", "amount": 150}, None, "amount"),
        ({"source": "tok_nothing"}, "resource_missing", "source"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"statement_descriptor": "x" * 23}, None, "statement_descriptor"),
        ({"source": {"object": "card", "number": "1"}}, None, "source"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"shipping": {"name": "Ada"}}, "parameter_missing", "shipping[address]"),
        ({"shipping": {"name": "A", "address": {"line9": "x"}}}, "parameter_unknown", "shipping[address][line9]"),
        ({"capture": "yes"}, None, "capture"),
        ({"currency": ""}, "parameter_invalid_empty", "currency"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, None, "metadata"),
        ({"expand": "customer"}, None, "expand"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name_and_nothing_is_charged(
    client: Any, shared: Sandbox, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    before = len(shared.objects("charge"))

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_charge(client, **params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert refused.value.json_body["error"]["type"] == "invalid_request_error"
    assert len(shared.objects("charge")) == before


def test_a_token_is_not_a_saved_card_of_a_customer(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_charge(client, customer=a_customer(client).id, source="tok_visa")

    assert refused.value.code == "missing"


def test_a_customer_without_a_card_cannot_be_charged(client: Any) -> None:
    with pytest.raises(stripe.CardError) as refused:
        a_charge(client, customer=a_customer(client, source=None).id, source=None)

    assert refused.value.code == "missing"


def test_a_deleted_customer_cannot_be_charged(client: Any) -> None:
    customer = a_customer(client)
    client.customers.delete(customer.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_charge(client, customer=customer.id, source=None)

    assert refused.value.param == "customer"


def test_amounts_in_idr_may_have_twelve_digits(client: Any) -> None:
    assert a_charge(client, currency="idr", amount=999_999_999_999).amount == 999_999_999_999


def test_an_authorised_charge_is_captured_in_part_and_the_rest_is_refunded(client: Any) -> None:
    held = a_charge(client, capture=False)

    captured = client.charges.capture(held.id, {"amount": 700})

    assert (held.captured, held.amount_captured) == (False, 0)
    assert (captured.captured, captured.amount_captured, captured.amount_refunded) == (True, 700, 300)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.charges.capture(held.id)
    assert refused.value.code == "charge_already_captured"


def test_refunds_add_up_on_the_charge_and_end_at_its_amount(client: Any) -> None:
    charge = a_charge(client)

    part = client.refunds.create({"charge": charge.id, "amount": 400})
    halfway = client.charges.retrieve(charge.id)
    rest = client.refunds.create({"charge": charge.id})
    whole = client.charges.retrieve(charge.id)

    assert (part.amount, rest.amount, part.charge, part.status) == (400, 600, charge.id, "succeeded")
    assert (halfway.amount_refunded, halfway.refunded) == (400, False)
    assert (whole.amount_refunded, whole.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"


def test_more_than_is_left_cannot_be_refunded(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.refunds.create({"charge": a_charge(client).id, "amount": 1001})

    assert refused.value.param == "amount"


def test_an_account_may_be_one_that_cannot_create_charges(tmp_path: Any) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {"can_create_charges": False}}, {Sandbox.key: {}})

    with Sandbox("--keys", keys) as sandbox:
        client = a_client(sandbox)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            a_charge(client)

        assert (refused.value.http_status, refused.value.param) == (400, None)
        assert not client.accounts.retrieve_current().charges_enabled
        assert a_customer(client).object == "customer"
        assert sandbox.objects("charge") == []
