"""Payment methods and their customers, as the official client handles them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_payment
from tests.support.sandbox import Sandbox


def a_method(client: Any, token: str = "tok_visa", **params: object) -> Any:  # Any: see a_client
    return client.payment_methods.create({"type": "card", "card": {"token": token}, **params})


def test_a_payment_method_is_made_from_a_token_attached_listed_and_detached(client: Any) -> None:
    customer, method = a_customer(client, source=None), a_method(client, "tok_amex")

    attached = client.payment_methods.attach(method.id, {"customer": customer.id})
    listed = client.payment_methods.list({"customer": customer.id}).data
    of_customer = client.customers.payment_methods.list(customer.id, {"type": "card"})
    one = client.customers.payment_methods.retrieve(customer.id, method.id)
    detached = client.payment_methods.detach(method.id)

    assert (method.customer, attached.customer, detached.customer) == (None, customer.id, None)
    assert (method.card.brand, method.card.last4) == ("amex", "8431")
    assert [each.id for each in listed] == [each.id for each in of_customer.data] == [one.id] == [method.id]
    assert of_customer.url == f"/v1/customers/{customer.id}/payment_methods"
    assert client.payment_methods.list({"customer": customer.id}).data == []


def test_a_test_name_makes_a_payment_method_of_its_own_at_each_use(client: Any) -> None:
    customer = a_customer(client, source=None)

    made = [client.payment_methods.attach("pm_card_visa", {"customer": customer.id}).id for _ in range(2)]

    assert made[0] != made[1]
    assert [each.id for each in client.payment_methods.list({"customer": customer.id}).data] == made[::-1]


def test_a_card_saved_as_a_source_is_a_payment_method_too(client: Any) -> None:
    customer = a_customer(client)

    saved = client.payment_methods.retrieve(customer.default_source)

    assert (saved.customer, saved.type, saved.card.last4) == (customer.id, "card", "4242")
    assert [each.id for each in client.customers.payment_methods.list(customer.id).data] == [saved.id]
    client.payment_methods.detach(saved.id)
    assert client.customers.retrieve(customer.id).default_source is None
    with pytest.raises(stripe.InvalidRequestError):
        client.charges.create({"amount": 1000, "currency": "usd", "customer": customer.id, "source": saved.id})


def test_a_seeded_customers_card_is_a_payment_method_too(seeded_sandbox: Sandbox) -> None:
    client = a_client(seeded_sandbox)
    customer = client.customers.list({"limit": 1}).data[0]

    saved = client.customers.payment_methods.list(customer.id).data

    assert [each.id for each in saved] == [customer.default_source]
    assert client.payment_methods.retrieve(saved[0].id).to_dict() == saved[0].to_dict()


def test_a_payment_method_belongs_to_one_customer(client: Any) -> None:
    first, second = a_customer(client), a_customer(client)
    method = client.payment_methods.attach("pm_card_visa", {"customer": first.id})

    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.payment_methods.attach(method.id, {"customer": second.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        a_payment(client, customer=second.id, payment_method=method.id)
    client.payment_methods.detach(method.id)

    for again in (first, second):
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            client.payment_methods.attach(method.id, {"customer": again.id})
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        client.payment_methods.detach(method.id)


@pytest.mark.parametrize("name", ["pm_card_chargeDeclined", "pm_card_chargeDeclinedExpiredCard"])
def test_a_card_that_is_declined_cannot_be_attached(client: Any, name: str) -> None:
    customer = a_customer(client, source=None)

    with pytest.raises(stripe.CardError):
        client.payment_methods.attach(name, {"customer": customer.id})

    assert client.payment_methods.list({"customer": customer.id}).data == []


def test_a_card_that_fails_later_can_be_attached(client: Any) -> None:
    customer = a_customer(client, source=None)

    method = client.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})

    assert method.customer == customer.id


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"type": ""}, "parameter_invalid_empty", "type"),
        ({"card": {"token": "tok_nothing"}}, "resource_missing", "card[token]"),
        ({"card": {}}, "parameter_missing", "card[token]"),
        ({"type": "us_bank_account"}, None, "type"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(
    client: Any, params: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_method(client, **params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)


def test_it_takes_the_holders_details_and_metadata(client: Any) -> None:
    method = a_method(client, billing_details={"name": "Ada"}, metadata={"a": "1"})

    changed = client.payment_methods.update(method.id, {"billing_details": {"email": "ada@example.com"}})

    assert (method.billing_details.name, method.billing_details.address.line1) == ("Ada", None)
    assert (changed.billing_details.email, changed.billing_details.name) == ("ada@example.com", "Ada")
    assert changed.metadata["a"] == "1"
    paid = a_payment(client, payment_method=method.id)
    assert client.charges.retrieve(paid.latest_charge).billing_details.email == "ada@example.com"


def test_a_customers_default_payment_method_is_one_that_is_attached(client: Any) -> None:
    customer, stranger = a_customer(client), a_method(client)
    method = client.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    def default(method_id: str) -> Any:
        settings = {"invoice_settings": {"default_payment_method": method_id}}
        return client.customers.update(customer.id, settings).invoice_settings.default_payment_method

    assert default(method.id) == method.id
    for other in (stranger.id, "pm_nothing"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            default(other)
        assert (refused.value.code, refused.value.param) == (
            "resource_missing",
            "invoice_settings[default_payment_method]",
        )
    client.payment_methods.detach(method.id)
    assert client.customers.retrieve(customer.id).invoice_settings.default_payment_method is None


def test_settings_of_invoices_are_changed_one_by_one(client: Any) -> None:
    customer = a_customer(client)
    method = client.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})

    changed = client.customers.update(customer.id, {"invoice_settings": {"footer": "Thanks"}}).invoice_settings
    unset = client.customers.update(customer.id, {"invoice_settings": {"default_payment_method": ""}}).invoice_settings

    assert (changed.footer, changed.default_payment_method) == ("Thanks", method.id)
    assert (unset.footer, unset.default_payment_method) == ("Thanks", None)


def test_a_new_customer_can_come_with_a_payment_method_as_default(client: Any) -> None:
    method = a_method(client)

    for name in (method.id, "pm_card_visa"):
        customer = a_customer(
            client, source=None, payment_method=name, invoice_settings={"default_payment_method": name}
        )
        saved = client.customers.payment_methods.list(customer.id).data
        assert [each.id for each in saved] == [customer.invoice_settings.default_payment_method]


def test_a_refused_customer_takes_no_payment_method_along(client: Any, shared: Sandbox) -> None:
    before = len(shared.objects("payment_method"))

    with pytest.raises(stripe.InvalidRequestError):
        a_customer(client, source=None, payment_method="pm_card_visa", email="nobody")
    with pytest.raises(stripe.CardError):
        a_customer(client, source=None, payment_method="pm_card_chargeDeclined")

    assert len(shared.objects("payment_method")) == before
