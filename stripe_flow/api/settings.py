"""The settings that both plugins share, as JSON schema properties, and the client built from them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import cast

from stripe_flow.api import redaction
from stripe_flow.api.client import Client
from stripe_flow.api.clock import StripeClock
from stripe_flow.api.connection import API_VERSION, BASE_URL, Connection, Mode, parse_api_key
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.retry import RetryBudget
from stripe_flow.api.throttle import Throttle
from stripe_flow.api.transport import Transport

# Stripe allows live accounts 100 requests a second and sandboxes 25, to all clients together. Half of a live account's
# stay the shop's own. https://docs.stripe.com/rate-limits
TOTAL_PER_S = {Mode.LIVE: 50, Mode.TEST: 20}
STRIPES_TOTAL_PER_S = {Mode.LIVE: 100, Mode.TEST: 25}
STRIPES_ENDPOINT_PER_S = 25

# No pattern, enum or length on api_key: a failed validation prints the value. It is checked in code.
SETTINGS: dict[str, dict[str, object]] = {
    "api_key": {
        "type": "string",
        "secret": True,
        "title": "API key",
        "description": "A Stripe secret key or, better, a restricted key: sk_test_, sk_live_, rk_test_ or rk_live_.",
    },
    "api_version": {
        "type": "string",
        "default": API_VERSION,
        "title": "API version",
        "description": "The Stripe API version that requests are pinned to.",
    },
    "base_url": {
        "type": "string",
        "default": BASE_URL,
        "title": "Base URL",
        "description": "The address of Stripe's API. Plain http is refused unless the host is this machine.",
    },
    "max_requests_per_second": {
        "type": "number",
        "minimum": 0,
        "default": 20,
        "title": "Requests per second and endpoint",
        "description": (
            "Requests per second to one endpoint of an account: a method and a path, whatever ids it holds. Fractions "
            "are allowed. 0 turns the throttle off and is refused unless the host is this machine."
        ),
    },
    "max_requests_per_second_total": {
        "type": "number",
        "minimum": 0,
        "title": "Requests per second in all",
        "description": (
            "Requests per second to all endpoints of an account together. Default: 50 with a live key, 20 with a test "
            "key. Stripe allows 100 and 25 to all clients of the account: the rest stays the shop's own."
        ),
    },
    "runs_at_once": {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "title": "Runs at once",
        "description": (
            "How many runs use the account at the same time. Each run keeps to its share of both rates, because "
            "Stripe's limits are per account."
        ),
    },
    "concurrency": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 16,
        "title": "Concurrency",
        "description": "How many requests may be in flight at once.",
    },
    "timeout_s": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 80,
        "title": "Timeout in seconds",
        "description": "The longest time for one request, from connecting to the last byte.",
    },
    "give_up_after_s": {
        "type": "number",
        "minimum": 0,
        "default": 900,
        "title": "Give up after seconds",
        "description": (
            "How long to go on without a single successful request; before the first success of a run, at most 60 "
            "seconds."
        ),
    },
}


def open_connection(config: Mapping[str, object]) -> Connection:
    """The connection that `config` describes, its key redacted from logs. Raises Misconfigured."""
    api_key = config.get("api_key")
    if isinstance(api_key, str):
        redaction.protect(api_key)
    return Connection(
        key=parse_api_key(api_key),
        api_version=str(config.get("api_version", API_VERSION)),
        base_url=str(config.get("base_url", BASE_URL)),
    )


def open_client(config: Mapping[str, object], *, most_in_flight: int | None = None) -> Client:
    """The client that `config` describes; its numbers must be valid by SETTINGS. Raises Misconfigured.

    `most_in_flight` limits its requests in flight and its connections, whatever the number of threads; without it each
    thread has a connection of its own.
    """
    connection = open_connection(config)
    per_endpoint, total = rates(config, connection)
    if 0 in {total, per_endpoint} and not connection.is_loopback:
        raise Misconfigured(
            "0 requests per second turns the throttle off, which is allowed only for a sandbox on this machine: "
            "set max_requests_per_second and max_requests_per_second_total above 0"
        )
    give_up_after_s = _number(config, "give_up_after_s")

    def new_retry_budget() -> RetryBudget:
        return RetryBudget(limit_s=give_up_after_s)

    return Client(
        connection=connection,
        transport=Transport(connection.base_url, timeout_s=_number(config, "timeout_s"), most_in_flight=most_in_flight),
        throttle=Throttle(per_operation_per_s=per_endpoint, total_per_s=total),
        clock=StripeClock(),
        retry_budget=new_retry_budget(),
        new_retry_budget=new_retry_budget,
        stopping=threading.Event(),
    )


def rates(config: Mapping[str, object], connection: Connection) -> tuple[float, float]:
    """Requests a second to one endpoint of an account, and to all its endpoints, for this run; 0: no throttle."""
    total = _number(config, "max_requests_per_second_total", TOTAL_PER_S[connection.key.mode])
    runs = _number(config, "runs_at_once")
    return _number(config, "max_requests_per_second") / runs, total / runs


def _number(config: Mapping[str, object], name: str, default: float | None = None) -> float:
    """A setting that the schema has checked, or its default. The SDK reads fractions as Decimal."""
    return float(cast("float", config.get(name, SETTINGS[name].get("default", default))))
