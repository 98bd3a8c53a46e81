"""Builders of the contract tests: official clients, and objects with only the values that matter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stripe

from tests.stripe_flow_sandbox.description import TODAY, differences
from tests.support.sandbox import Sandbox


def check_answer(answer: object) -> None:
    """Raises AssertionError with every difference of an answer in today's version from Stripe's description."""
    found = list(differences(answer))
    if found:
        raise AssertionError("\n".join(found))


class DescribedAnswers(stripe.RequestsClient):  # type: ignore[misc]  # the client has no types for it
    """The official client's transport; it fails the test for an answer that differs from Stripe's description."""

    def request(self, *sent: Any, **more: Any) -> Any:  # Any: the client's own signature
        answered = super().request(*sent, **more)
        body, _, headers = answered
        if headers.get("Stripe-Version") == TODAY:
            check_answer(json.loads(body))
        return answered


def a_client(sandbox: Sandbox, key: str = Sandbox.key, account: str | None = None, version: str | None = None) -> Any:
    """The v1 services of the official client; Any because its generics are not strict-clean. It never retries."""
    client = stripe.StripeClient(
        key,
        stripe_account=account,
        stripe_version=version,
        base_addresses={"api": sandbox.url},
        max_network_retries=0,
        http_client=DescribedAnswers(),
    )
    return client.v1


def a_charge(client: Any, **params: object) -> Any:  # Any: see a_client
    """A paid charge of 10.00 USD by default."""
    options = params.pop("options", {})
    return client.charges.create({"amount": 1000, "currency": "usd", "source": "tok_visa", **params}, options)


def a_customer(client: Any, **params: object) -> Any:  # Any: see a_client
    """A customer with a card by default."""
    return client.customers.create({"email": "ada@example.com", "source": "tok_visa", **params})


def a_payment_intent(client: Any, **params: object) -> Any:  # Any: see a_client
    """An unconfirmed PaymentIntent of 10.00 USD for cards by default; None leaves a parameter out."""
    options = params.pop("options", {})
    merged = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"], **params}
    return client.payment_intents.create({name: each for name, each in merged.items() if each is not None}, options)


def a_payment(client: Any, **params: object) -> Any:  # Any: see a_client
    """A PaymentIntent confirmed off session, with a card that succeeds by default."""
    confirmed = {"confirm": True, "off_session": True, "error_on_requires_action": True}
    by = {} if "payment_method_data" in params else {"payment_method": "pm_card_visa"}
    return a_payment_intent(client, **{**by, **confirmed, **params})


def a_product(client: Any, **params: object) -> Any:  # Any: see a_client
    return client.products.create({"name": "Chair", **params})


def a_price(client: Any, **params: object) -> Any:  # Any: see a_client
    """A price of 10.00 USD with a product of its own by default; None leaves a parameter out."""
    by = {} if "product" in params or "product_data" in params else {"product_data": {"name": "Chair"}}
    merged = {"currency": "usd", "unit_amount": 1000, **by, **params}
    return client.prices.create({name: each for name, each in merged.items() if each is not None})


def a_keys_file(folder: Path, accounts: dict[str, dict[str, object]], keys: dict[str, dict[str, object]]) -> str:
    """A file for `--keys`."""
    path = folder / "keys.json"
    path.write_text(json.dumps({"accounts": accounts, "keys": keys}))
    return str(path)


def a_rule(kind: str, name: str = "fault", **more: Any) -> dict[str, Any]:  # Any: JSON of a script
    """A rule with this action; members of `Rule` go to the rule, the others to the action."""
    rule: dict[str, Any] = {
        word: more.pop(word) for word in ("at", "match", "skip", "times", "probability") if word in more
    }
    return {"name": name, **rule, "action": {"kind": kind, **more}}


def outcome(run: Callable[[], object]) -> stripe.StripeError | None:
    """The Stripe error that `run` raises, None if it succeeds."""
    try:
        run()
    except stripe.StripeError as error:
        return error
    return None
