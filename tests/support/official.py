"""The official client, as an independent check of what the plugins read and write."""

from __future__ import annotations

import json
from typing import Any

import stripe

from tests.support.sandbox import Sandbox


def official(sandbox: Sandbox, account: str | None = None) -> Any:  # Any: the client's generics are not strict-clean
    """A client of its own for this sandbox; no retries, no telemetry, nothing global."""
    return stripe.StripeClient(
        sandbox.key, stripe_account=account, base_addresses={"api": sandbox.url}, max_network_retries=0
    )


def everything(service: Any, **filters: object) -> list[dict[str, Any]]:  # Any: see official
    """All objects of a list, newest first, by the official client's own paging."""
    return [as_json(found) for found in service.list({"limit": 100, **filters}).auto_paging_iter()]


def as_json(found: Any) -> dict[str, Any]:  # Any: see official
    """An object as Stripe sent it: the client makes decimals of some of its strings."""
    sent: dict[str, Any] = json.loads(json.dumps(found.to_dict(), default=str))  # Any: JSON
    return sent
