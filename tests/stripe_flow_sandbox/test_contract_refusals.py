"""What Stripe refuses whatever the call: shapes of e-mails and ids, amounts, values that it does not know, versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from tests.stripe_flow_sandbox.builders import (
    a_charge,
    a_client,
    a_customer,
    a_payment,
    a_payment_intent,
    a_price,
    a_product,
    outcome,
)
from tests.support.sandbox import Sandbox

ACCEPTED: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "accepted_values.json").read_text(encoding="utf-8")
)
EMAILS = ["ada", "@", "ada@", "@example.com", "a@b@c", "a\0@example.com", "ada@exam\0ple.com", "a b@c.de", "a@b..c"]
WITH_EMAIL: dict[str, Callable[[Any, str], object]] = {
    "email": lambda client, text: a_customer(client, email=text),
    "receipt_email": lambda client, text: a_charge(client, receipt_email=text),
    "instructions_email": lambda client, text: client.refunds.create({"charge": "ch_1", "instructions_email": text}),
    "billing_details[email]": lambda client, text: client.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"email": text}}
    ),
    "payment_method_data[billing_details][email]": lambda client, text: a_payment_intent(
        client,
        payment_method_data={"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"email": text}},
    ),
}
MINIMUMS = [("usd", 50), ("eur", 50), ("gbp", 30), ("jpy", 50), ("czk", 1500), ("huf", 17500), ("mxn", 1000)]


def refusal(run: Callable[[], object]) -> tuple[int | None, str | None, str | None]:
    """Status, code and parameter of the refusal that `run` raises."""
    error = outcome(run)
    assert isinstance(error, stripe.InvalidRequestError)
    return error.http_status, error.code, error.param


@pytest.mark.parametrize("param", WITH_EMAIL)
@pytest.mark.parametrize("text", EMAILS)
def test_a_text_that_is_no_email_is_refused(client: Any, param: str, text: str) -> None:
    assert refusal(lambda: WITH_EMAIL[param](client, text)) == (400, "email_invalid", param)


@pytest.mark.parametrize("text", ["ada@example.com", "a+b.c@sub.example.co.uk", "o'hara@example.com", "zoë@exämple.de"])
def test_an_email_is_kept_as_it_is(client: Any, text: str) -> None:
    assert a_customer(client, email=text).email == text


def test_updates_check_emails_too(client: Any) -> None:
    customer, charge = a_customer(client), a_charge(client)

    changed = refusal(lambda: client.customers.update(customer.id, {"email": "a@b@c"}))
    receipt = refusal(lambda: client.charges.update(charge.id, {"receipt_email": "a@b@c"}))

    assert (changed, receipt) == ((400, "email_invalid", "email"), (400, "email_invalid", "receipt_email"))
    assert client.customers.retrieve(customer.id).email == customer.email


def test_an_id_without_a_null_character_may_be_any_text(client: Any) -> None:
    made = refusal(lambda: a_product(client, id="a\0b"))
    inside = refusal(lambda: a_price(client, product_data={"name": "Chair", "id": "a\0b"}))

    assert (made, inside) == ((400, None, "id"), (400, None, "product_data[id]"))
    assert a_product(client, id="no. 7/ü").id == "no. 7/ü"


@pytest.mark.parametrize(("currency", "least"), MINIMUMS)
def test_an_amount_below_the_smallest_is_refused(client: Any, currency: str, least: int) -> None:
    small = {"amount": least - 1, "currency": currency}

    assert refusal(lambda: a_charge(client, **small)) == (400, "amount_too_small", "amount")
    assert refusal(lambda: a_payment_intent(client, **small)) == (400, "amount_too_small", "amount")
    assert a_charge(client, amount=least, currency=currency).amount == least


@pytest.mark.parametrize("amount", [0, -1, -1000])
def test_an_amount_below_one_is_no_valid_integer(client: Any, amount: int) -> None:
    held, paid = a_charge(client, capture=False), a_charge(client)
    intent = a_payment(client, capture_method="manual")
    code = "parameter_invalid_integer"

    for param, run in (
        ("amount", lambda: a_charge(client, amount=amount)),
        ("amount", lambda: a_payment_intent(client, amount=amount)),
        ("amount", lambda: client.refunds.create({"charge": paid.id, "amount": amount})),
        ("amount", lambda: client.charges.capture(held.id, {"amount": amount})),
        ("amount_to_capture", lambda: client.payment_intents.capture(intent.id, {"amount_to_capture": amount})),
    ):
        assert refusal(run) == (400, code, param)


def test_an_amount_has_eight_digits_at_most(client: Any) -> None:
    assert refusal(lambda: a_charge(client, amount=100_000_000)) == (400, "amount_too_large", "amount")
    assert a_charge(client, amount=99_999_999).amount == 99_999_999


@pytest.mark.parametrize("version", ["1999-01-01", "2020-08-26", "2026-10-29.endive", "2026-10-28", "latest", "2027"])
def test_a_version_that_stripe_never_released_is_refused(shared: Sandbox, version: str) -> None:
    error = outcome(a_client(shared, version=version).charges.list)

    assert isinstance(error, stripe.InvalidRequestError)
    assert (error.http_status, error.json_body["error"]["type"]) == (400, "invalid_request_error")
    assert version in error.json_body["error"]["message"]


@pytest.mark.parametrize(
    "version", ["2011-01-01", "2020-08-27", "2024-06-20", "2026-10-28.endive", "2026-10-28.preview", "2020-08-27; a=v1"]
)
def test_a_released_version_is_taken(shared: Sandbox, version: str) -> None:
    assert a_client(shared, version=version).charges.list({"limit": 1}).object == "list"


@pytest.mark.parametrize("path", ["charges", "customers", "events", "payment_intents", "prices", "payouts"])
@pytest.mark.parametrize("limit", ["101", "0", "-1", "x"])
def test_the_limit_of_every_list_is_checked(shared: Sandbox, path: str, limit: str) -> None:
    answer = requests.get(f"{shared.url}/v1/{path}?limit={limit}", auth=(Sandbox.key, ""), timeout=10)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "parameter_invalid_integer", "limit")


def test_the_balance_is_what_charges_brought(client: Any) -> None:
    before = {each.currency: each.amount for each in client.balance.retrieve().pending}
    paid, held = a_charge(client, amount=900), a_charge(client, amount=800, capture=False)
    client.charges.capture(held.id, {"amount": 500})
    client.refunds.create({"charge": paid.id, "amount": 300})

    after = {each.currency: each.amount for each in client.balance.retrieve().pending}

    assert after["usd"] - before["usd"] == 900 - 300 + 500


@pytest.mark.parametrize("noun", ACCEPTED)
def test_a_value_that_stripe_does_not_know_is_refused_by_its_parameter(shared: Sandbox, noun: str) -> None:
    """The form names each parameter in full, and then whatever else the refusal asks for."""
    for name in (each.replace("[x]", "[usd]") for each in ACCEPTED[noun]):
        error, form = {"code": "parameter_missing", "param": name}, {name: "no such value"}
        while error.get("code") == "parameter_missing":
            form.setdefault(error["param"], "1")
            answer = requests.post(f"{shared.url}/v1/{noun}s", auth=(Sandbox.key, ""), data=form, timeout=10)
            assert answer.status_code == 400
            error = answer.json()["error"]
        assert error["param"] == name, error
