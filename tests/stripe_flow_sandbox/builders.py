"""What the contract tests need again and again: official clients, and objects with only what matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stripe

from tests.support.sandbox import Sandbox


def a_client(sandbox: Sandbox, key: str = Sandbox.key, account: str | None = None, version: str | None = None) -> Any:
    """The v1 services of the official client; Any because its generics are not strict-clean. It never retries."""
    client = stripe.StripeClient(
        key,
        stripe_account=account,
        stripe_version=version,
        base_addresses={"api": sandbox.url},
        max_network_retries=0,
    )
    return client.v1


def a_charge(client: Any, **params: object) -> Any:  # Any: as above
    """A paid charge of 10.00 USD, unless told otherwise."""
    options = params.pop("options", {})
    return client.charges.create({"amount": 1000, "currency": "usd", "source": "tok_visa", **params}, options)


def a_customer(client: Any, **params: object) -> Any:  # Any: as above
    """A customer with a card, unless told otherwise."""
    return client.customers.create({"email": "ada@example.com", "source": "tok_visa", **params})


def a_payment_intent(client: Any, **params: object) -> Any:  # Any: as above
    """A PaymentIntent over 10.00 USD that a card may pay, not confirmed unless told so; None leaves a parameter out."""
    options = params.pop("options", {})
    given = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"], **params}
    return client.payment_intents.create({name: each for name, each in given.items() if each is not None}, options)


def a_payment(client: Any, **params: object) -> Any:  # Any: as above
    """A PaymentIntent confirmed at once without its customer, by a card that pays unless told otherwise."""
    confirmed = {"confirm": True, "off_session": True, "error_on_requires_action": True}
    by = {} if "payment_method_data" in params else {"payment_method": "pm_card_visa"}
    return a_payment_intent(client, **{**by, **confirmed, **params})


def a_product(client: Any, **params: object) -> Any:  # Any: as above
    return client.products.create({"name": "Chair", **params})


def a_price(client: Any, **params: object) -> Any:  # Any: as above
    """A price of 10.00 USD, of a product of its own unless told otherwise; None leaves a parameter out."""
    by = {} if "product" in params or "product_data" in params else {"product_data": {"name": "Chair"}}
    given = {"currency": "usd", "unit_amount": 1000, **by, **params}
    return client.prices.create({name: each for name, each in given.items() if each is not None})


def a_keys_file(folder: Path, accounts: dict[str, dict[str, object]], keys: dict[str, dict[str, object]]) -> str:
    """A file for `--keys`."""
    path = folder / "keys.json"
    path.write_text(json.dumps({"accounts": accounts, "keys": keys}))
    return str(path)


def a_rule(kind: str, name: str = "fault", **more: Any) -> dict[str, Any]:  # Any: JSON of a script
    """A rule with this action; what belongs to a rule goes there, the rest to its action."""
    rule: dict[str, Any] = {
        word: more.pop(word) for word in ("at", "match", "skip", "times", "probability") if word in more
    }
    return {"name": name, **rule, "action": {"kind": kind, **more}}


def outcome(run: Callable[[], object]) -> stripe.StripeError | None:
    """The error that it ends in, if it does."""
    try:
        run()
    except stripe.StripeError as error:
        return error
    return None
