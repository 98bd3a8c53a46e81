"""What one reader reads: a stream of one account, from its state on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound, StripeError
from tap_stripe_flow.accounts import Account


@dataclass(frozen=True, kw_only=True)
class Log:
    """Callbacks for problems of one stream and account.

    - `warn` is called with a warning, `missing` for an object that Stripe does not know.
    - `refused` is called with the id of a parent whose child objects cannot be read, or of an object without a list.
    """

    warn: Callable[[str], None]
    missing: Callable[[NotFound], None]
    refused: Callable[[str, StripeError], None]


@dataclass(frozen=True)
class Reading:
    """What is read of a stream: one account, from its `state` on, with a `client` that is scoped to it."""

    client: Client
    account: Account
    state: Mapping[str, object]
    log: Log
