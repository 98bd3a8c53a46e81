"""What a PaymentIntent takes and what it refuses, as the official client meets it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_payment, a_payment_intent
from tests.support.sandbox import Sandbox

# The version before Stripe took `payment_method_types` away, and one that accepts cards by default.
DAHLIA, CARDS_ONLY = "2026-08-26.dahlia", "2022-11-15"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({"confirmation_token": "ctoken_1"}, "resource_missing", "confirmation_token"),
        (
            {"payment_method_data": {"type": "card", "card": {"token": "tok_nothing"}}},
            "resource_missing",
            "payment_method_data[card][token]",
        ),
        (
            {"payment_method_data": {"type": "card", "card": {"number": "1"}}},
            "parameter_unknown",
            "payment_method_data[card][number]",
        ),
        ({"source": "tok_visa"}, "parameter_unknown", "source"),
        ({"receipt_email": "ada"}, "email_invalid", "receipt_email"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"shipping": {"name": "Ada"}}, "parameter_missing", "shipping[address]"),
        ({"statement_descriptor": "x" * 23}, None, "statement_descriptor"),
        ({"statement_descriptor": "CHAIRS"}, None, "statement_descriptor"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"transfer_data": {"amount": 1}}, "parameter_missing", "transfer_data[destination]"),
        ({"currency": ""}, "parameter_invalid_empty", "currency"),
        ({"off_session": {"a": "b"}}, None, "off_session"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name_and_nothing_is_made(
    client: Any, shared: Sandbox, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    kinds = ("payment_intent", "charge", "payment_method")
    before = [len(shared.objects(kind)) for kind in kinds]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment(client, **params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert [len(shared.objects(kind)) for kind in kinds] == before


@pytest.mark.parametrize("name", ["off_session", "error_on_requires_action", "return_url", "mandate"])
def test_parameters_of_a_confirmation_are_refused_without_one(client: Any, name: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment_intent(client, **{name: "true"})

    assert refused.value.param == name


def test_the_list_of_types_is_no_longer_taken_in_todays_version(client: Any, shared: Sandbox) -> None:
    # https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
    params = {"allowed_payment_method_types": None, "payment_method_types": ["card"]}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment(client, **params)
    older = a_payment(a_client(shared, version=DAHLIA), **params)

    assert (refused.value.code, refused.value.param) == (
        "payment_method_types_no_longer_supported",
        "payment_method_types",
    )
    assert (older.status, older.payment_method_types) == ("succeeded", ["card"])


def test_an_account_has_bank_debits_beside_cards_unless_a_call_allows_or_excludes_types(
    client: Any, shared: Sandbox
) -> None:
    def shown(of: Any = client, **params: object) -> tuple[list[str], bool]:
        made = a_payment_intent(of, **{"allowed_payment_method_types": None, **params})
        return made.payment_method_types, made.automatic_payment_methods is not None

    assert shown() == (["card", "us_bank_account"], True)
    assert shown(currency="eur") == (["card", "sepa_debit"], True)
    assert shown(excluded_payment_method_types=["us_bank_account"]) == (["card"], True)
    assert shown(allowed_payment_method_types=["card", "klarna"]) == (["card"], False)
    assert shown(automatic_payment_methods={"enabled": False}) == (["card"], False)
    assert shown(a_client(shared, version=CARDS_ONLY)) == (["card"], False)


def test_a_later_call_chooses_types_again_or_leaves_the_choice(client: Any) -> None:
    made = a_payment_intent(client)

    kept = client.payment_intents.update(made.id, {"amount": 1100, "currency": "usd"})
    changed = client.payment_intents.update(made.id, {"excluded_payment_method_types": ["klarna"]})

    assert (kept.allowed_payment_method_types, kept.payment_method_types) == (["card"], ["card"])
    assert changed.payment_method_types == ["card", "us_bank_account"]


def test_ways_of_choosing_types_exclude_each_other(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment_intent(client, automatic_payment_methods={"enabled": True})

    assert refused.value.code == "parameters_exclusive"


def test_a_confirmation_that_may_redirect_needs_a_return_url(client: Any) -> None:
    # https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods
    automatic = {"allowed_payment_method_types": None, "error_on_requires_action": None}
    never = {"enabled": True, "allow_redirects": "never"}

    with pytest.raises(stripe.InvalidRequestError, match="return_url") as refused:
        a_payment(client, **automatic, off_session=None)

    assert (refused.value.code, refused.value.param) == (None, None)
    assert a_payment(client, **automatic, off_session=None, return_url="https://example.com").status == "succeeded"
    assert a_payment(client, **automatic, off_session=None, automatic_payment_methods=never).status == "succeeded"
    assert a_payment(client, **automatic).status == "succeeded"


def test_off_session_may_say_how_often(client: Any) -> None:
    assert a_payment(client, off_session="recurring").status == "succeeded"


@pytest.mark.parametrize(
    "params",
    [
        {"allowed_payment_method_types": ["card"]},
        {"allowed_payment_method_types": None, "currency": "eur"},
        {"allowed_payment_method_types": None, "capture_method": "manual"},
    ],
)
def test_a_bank_account_pays_only_where_it_can(client: Any, params: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment(client, payment_method="pm_usBankAccount_success", **params)

    assert refused.value.code == "payment_intent_incompatible_payment_method"


def test_a_deleted_customer_has_no_payment_intents(client: Any) -> None:
    customer = a_customer(client)
    client.customers.delete(customer.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        a_payment_intent(client, customer=customer.id)

    assert refused.value.param == "customer"


def test_an_update_changes_and_unsets_every_parameter_it_accepts(client: Any) -> None:
    made = a_payment_intent(client, description="a", receipt_email="ada@example.com", metadata={"a": "1", "b": "2"})

    changed = client.payment_intents.update(
        made.id, {"amount": 1500, "description": "", "receipt_email": "", "metadata": {"a": "", "c": "3"}}
    )

    assert (changed.amount, changed.description, changed.receipt_email) == (1500, None, None)
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
