"""Streams that no action takes: those of Stripe's own objects get no advice to send them."""

# ruff: noqa: SIM905  # lines of words are read more easily than quoted strings

from __future__ import annotations

from pathlib import Path

import pytest

from tap_stripe_flow.streams import STREAMS
from target_stripe_flow.actions.stream_names import describe_unknown, is_stripe_list
from target_stripe_flow.actions.table import ACTIONS
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

# As other taps and warehouses name the lists of Stripe's objects.
OTHERS = (
    "application_fees_refunds authorizations bank_accounts cardholders cards checkout_sessions_line_items "
    "connected_account external_account_bank_accounts external_account_cards fee invoice_lines "
    "payout_balance_transactions payout_transactions setup_attempts subscription_history transactions usage_records"
).split()
STRIPES = [*OTHERS, "payment_intent", "capabilities", *(spec.name for spec in STREAMS if spec.name not in ACTIONS)]
OWN = (
    "users orders payments order_items customer_orders customer_payments shop_invoices eu_charges rows leads my_table "
    "orders_2026 clients_eu"
).split()


def spelled(name: str) -> list[str]:
    """The name as warehouses and schemas write it."""
    camel = "".join(part.title() for part in name.split("_"))
    forms = [name.upper(), camel, camel[0].lower() + camel[1:], name.replace("_", "-"), name.replace("_", " ")]
    return [*forms, f"public-{name}", f"stripe.{name}", f"stripe_{name}", f"STRIPE_{name.upper()}"]


@pytest.mark.parametrize("stream", STRIPES)
def test_a_stream_of_stripe_objects_gets_no_advice_to_map_it(stream: str) -> None:
    for form in [stream, *spelled(stream)]:
        assert is_stripe_list(form), form
        assert "__alias__" not in describe_unknown(form), form
        assert "leave it out" in describe_unknown(form)


@pytest.mark.parametrize("stream", OWN)
def test_a_stream_of_the_user_gets_the_stream_map_for_its_action(stream: str) -> None:
    assert not is_stripe_list(stream)
    assert "__alias__" in describe_unknown(stream)


@pytest.mark.parametrize("action", ACTIONS)
def test_another_spelling_of_an_action_gets_the_stream_map_for_it(action: str) -> None:
    assert f'"__alias__": "{action}"' in describe_unknown(action.title())


@pytest.mark.parametrize("action", ACTIONS)
def test_a_table_with_the_name_of_an_action_gets_the_stream_map_for_it(action: str) -> None:
    for form in (f"public-{action}", f"PUBLIC-{action.upper()}", f"dbo.{action}", f"shop-stripe_{action}", action[:-1]):
        assert f'{{"{form}": {{"__alias__": "{action}"}}}}' in describe_unknown(form), form
        assert "read from Stripe" in describe_unknown(form)


@pytest.mark.parametrize("stream", ["payout_transactions", "external_account_cards", "public-payment_intents"])
def test_a_run_with_a_stream_of_stripe_objects_ends_without_proposing_stream_maps(
    stream: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run_target(tmp_path, a_config(sandbox.url), [a_schema(stream), a_record(stream, id="x_1")])

    [message] = done.errors
    assert done.code == 1
    assert stream in message
    assert "__alias__" not in message
    assert "stream_maps" not in message
